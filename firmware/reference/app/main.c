/* The application: start, and one loop that does what interrupts have announced, then waits for the next.
 *
 * Commands run in this loop and may wait in it (wait_until), so console and network go on meanwhile. */
#include "app.h"
#include "net.h"
#include "registers.h"
#include "wifi.h"

volatile uint32_t happened;

void run_once(void)
{
    wait_for_interrupt(&happened);
    happened = 0;
    clock_pass();
    wifi_poll();
    net_poll();
}

int wait_until(condition *condition, uint32_t most)
{
    uint32_t start = milliseconds();

    while (!condition()) {
        if (passed(start, most))
            return 0;
        run_once();
    }
    return 1;
}

static void print_start_type(void)
{
    uint32_t raw = SCTRL_SW_RETENTION, type = 0;

    if (raw & WDT_RST_FLAG)
        type = (raw & 0xFFFF) == RETENTION_REBOOT ? 1 : 2;
    print("bk_misc_init_start_type %u %x\n", type, raw & 0xFFFF);
    SCTRL_SW_RETENTION = raw; /* written back as it was read, the watchdog's flag goes */
}

int main(void);
int main(void)
{
    uart_init();
    print("\nreference app, version " VERSION "\n");
    print_start_type();
    flash_init();
    print("[Flash]id:0x%x\n", flash_id());
    print("chip id=%x device id=%x\n", SCTRL_CHIP_ID, SCTRL_DEVICE_ID);
    aes_init();
    clock_init();
    console_init();
    wifi_init();
    net_init();
    interrupts_init();
    print("[THD]cli\n");
    for (;;) {
        run_once();
        console_poll();
        station_poll();
    }
}
