/* Random numbers from the chip's source. */
#include "app.h"
#include "registers.h"

uint32_t random_number(void)
{
    TRNG_CTRL = 1;
    return TRNG_DATA;
}
