/* A lamp of Acme's: it has no console. What it is told stands in the flash, as the app that its owner has on the telephone
 * puts it there, and once it is on the network it asks its owner's server for another version, once after each start. */
#include "app.h"
#include "net.h"
#include "placement.h"
#include "wifi.h"

enum { SETTINGS = 0x1E2000 }; /* physical */

static struct {
    char magic[8], server[120], ssid[32], key[64];
} settings;

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

/* There are no commands, and so nobody types. */
void console_interrupt(void)
{
}

int main(void);
int main(void)
{
    char ssid[sizeof settings.ssid + 1] = "";
    int asked = 0;

    uart_init();
    print("\nACME lamp " VERSION " is lit\n");
    flash_init();
    aes_init();
    clock_init();
    wifi_init();
    net_init();
    interrupts_init();
    flash_read(SETTINGS, &settings, sizeof settings);
    if (memcmp(settings.magic, "ACMElamp", sizeof settings.magic) != 0) {
        print("lamp: nobody has told it a network\n");
        for (;;)
            run_once();
    }
    memcpy(ssid, settings.ssid, sizeof settings.ssid);
    station_join(ssid, settings.key);
    for (;;) {
        run_once();
        station_poll();
        if (asked || !net.address || !station_is_joined())
            continue;
        asked = 1;
        print("lamp: asks ota.acme.example\n");
        http_ota(settings.server);
    }
}
