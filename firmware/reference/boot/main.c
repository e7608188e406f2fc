/* The boot loader: clocks, a word on the console, an update if there is one, and the application if it is sound. */
#include "boot.h"
#include "placement.h"
#include "registers.h"

#define VERSION "1.0.0"

enum { CRASH_PERIOD = 6 };

/* The values of the vendor's boot loader; each analog register is written over a serial link that has to be waited
 * for. */
static void start_clocks(void)
{
    static const uint32_t analog[] = {0x81105B57, 0x3CC019C0, 0x7F00769A, 0xC65003C0, 0x5011A7F0};
    uint32_t i;

    SCTRL_BIAS = 0x171110;
    for (i = 0; i < sizeof analog / sizeof *analog; i++) {
        SCTRL_ANALOG_CTRL(i) = analog[i];
        while (SCTRL_ANALOG_SPI & ANALOG_SPI_STATE)
            ;
    }
    SCTRL_BLOCK_EN_MUX = 0;
    SCTRL_BLOCK_EN_CFG = 0xA5C0002A;
    SCTRL_CONTROL = 0x00020032; /* DPLL / 4: 120 MHz */
}

static void mask_interrupts(void)
{
    ICU_INTERRUPT_ENABLE = 0;
    ICU_GLOBAL_INT_EN = 0;
}

static void set_hooks(void)
{
    HOOK_IRQ = HOOK_FIQ = HOOK_SWI = HOOK_UNDEFINED = (uint32_t)unexpected;
    HOOK_PREFETCH_ABORT = HOOK_DATA_ABORT = HOOK_RESERVED = (uint32_t)unexpected;
}

/* Leave word of what happened and start again. */
void crashed(void)
{
    print("exception in the boot loader\n");
    SCTRL_SW_RETENTION = RETENTION_BOOT_CRASH;
    ICU_PERI_CLK_PWD &= ~(uint32_t)CLK_PWD_WDT;
    watchdog_start(CRASH_PERIOD);
    for (;;)
        ;
}

static void wait_for_ever(void)
{
    for (;;)
        __asm__ volatile("mcr p15, 0, %0, c7, c0, 4" : : "r"(0));
}

static void try_update(const struct partition *app)
{
    const struct partition *download = partition_named("download");

    if (!download) {
        ERROR("OTA", "rt_ota_init", "Initialize failed! The download partition(download) not found.");
        return;
    }
    INFO("OTA", "OTA package(reference " VERSION ") initialize success.");
    if (app)
        update_if_there_is_one(app, download);
}

int main(void);
int main(void)
{
    const struct partition *app;

    mask_interrupts();
    set_hooks();
    start_clocks();
    LA_ID_HIGH = SCTRL_GPIO_WAKEUP_INT_STATUS;
    uart_init();
    flash_init();
    print(CHIP_NAME "_" VERSION " (reference)\nST:0x%08x\n", SCTRL_SW_RETENTION);

    partitions_find();
    INFO("FAL", "Fal(V0.4.0)success");
    app = partition_named("app");
    if (!app)
        ERROR("OTA", "ota_main", "The partition app was not found");
    try_update(app);

    if (!app || !app_sound(app)) {
        ERROR("OTA", "ota_main", "App verify failed! Need to recovery factory firmware.");
        wait_for_ever();
    }
    print("go os_addr(0x%x)..........\n", app->offset);
    uart_wait_empty();
    mask_interrupts();
    start_app(app->offset);
}
