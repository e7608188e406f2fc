/* A reboot through the watchdog, and why the chip started: the always-on part keeps 16 bits for that. */
#include "app.h"
#include "registers.h"

enum { REBOOT_PERIOD = 5 };

void reboot(void)
{
    print("bk_reboot(1)\n");
    SCTRL_SW_RETENTION = RETENTION_REBOOT;
    mask_interrupts();
    ICU_PERI_CLK_PWD |= CLK_PWD_WDT;
    print("wdt reboot\n");
    uart_wait_empty();
    watchdog_start(REBOOT_PERIOD);
    ICU_PERI_CLK_PWD &= ~(uint32_t)CLK_PWD_WDT;
    for (;;)
        ;
}
