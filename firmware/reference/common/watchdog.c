/* The watchdog: a period in milliseconds, loaded and begun anew by writing it with one key and then the other. */
#include "common.h"
#include "registers.h"

enum { FIRST_KEY = 0x5A << 16, SECOND_KEY = 0xA5 << 16, PERIOD = 0xFFFF };

void watchdog_start(uint32_t milliseconds)
{
    WDT_CTRL = FIRST_KEY | milliseconds;
    WDT_CTRL = SECOND_KEY | milliseconds;
}

/* With the period that it has: one that does not run (period 0) stays so. */
void watchdog_feed(void)
{
    uint32_t period = WDT_CTRL & PERIOD;
    if (period)
        watchdog_start(period);
}
