/* Interrupts: timer and console are IRQs, the MAC's are FIQs. Handlers note what happened; the work is done outside. */
#include "app.h"
#include "registers.h"
#include "wifi.h"

enum { CRASH_PERIOD = 6 };

static const uint32_t mac_sources = SOURCE_MAC_TX_RX_TIMER | SOURCE_MAC_RX_TRIGGER | SOURCE_MAC_TX_TRIGGER;

void interrupts_init(void)
{
    HOOK_IRQ = (uint32_t)irq;
    HOOK_FIQ = (uint32_t)fiq;
    HOOK_SWI = HOOK_UNDEFINED = HOOK_PREFETCH_ABORT = HOOK_DATA_ABORT = HOOK_RESERVED = (uint32_t)unexpected;
    ICU_INTERRUPT_ENABLE = SOURCE_UART1 | SOURCE_TIMERS | mac_sources;
    ICU_GLOBAL_INT_EN = 3;
    restore_interrupts(0x1F);
}

FROM_RAM void handle_irq(void)
{
    uint32_t status = ICU_INT_STATUS & 0xFFFF;

    ICU_INT_STATUS = status;
    if (status & SOURCE_TIMERS)
        clock_tick();
    if (status & SOURCE_UART1)
        console_interrupt();
    happened = 1;
}

FROM_RAM void handle_fiq(void)
{
    uint32_t status = ICU_INT_STATUS & 0xFFFF0000;

    ICU_INT_STATUS = status;
    if (status & mac_sources)
        mac_interrupt();
    happened = 1;
}

/* An exception that nothing here causes: leave word and start again. */
void crashed(void)
{
    print("crash\n");
    SCTRL_SW_RETENTION = 0xAD01;
    ICU_PERI_CLK_PWD &= ~(uint32_t)CLK_PWD_WDT;
    watchdog_start(CRASH_PERIOD);
    for (;;)
        ;
}
