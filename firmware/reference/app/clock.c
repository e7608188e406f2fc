/* Time: timer 3 ticks every 2 ms. The watchdog is fed from the tick as long as the main loop has passed lately. */
#include "app.h"
#include "registers.h"

enum { TICK_MS = 2, TICK_COUNTS = 64, WATCHDOG_MS = 10000, FEED_TICKS = 312, LONGEST_WITHOUT_PASS = 2500 };

static volatile uint32_t ticks, last_pass;

void clock_init(void)
{
    ICU_PERI_CLK_PWD &= ~(uint32_t)(CLK_PWD_WDT | CLK_PWD_TIMERS_3_5);
    TIMER3_CNT = TICK_COUNTS;
    TIMER3_5_CTL = TIMER3_ENABLE;
    SCTRL_SW_RETENTION = RETENTION_WATCHDOG; /* the cause of the next reset, unless someone says otherwise */
    watchdog_start(WATCHDOG_MS);
}

FROM_RAM void clock_tick(void)
{
    TIMER3_5_CTL = TIMER3_ENABLE | TIMER3_FLAG;
    ticks++;
    if (ticks % FEED_TICKS == 0 && ticks - last_pass < LONGEST_WITHOUT_PASS)
        watchdog_feed();
}

/* The main loop has come round. */
void clock_pass(void)
{
    last_pass = ticks;
}

uint32_t milliseconds(void)
{
    return ticks * TICK_MS;
}

int passed(uint32_t since, uint32_t duration)
{
    return milliseconds() - since >= duration;
}
