/* The console's commands, named and spelt as in the SDK. */
#include "app.h"
#include "net.h"
#include "wifi.h"

typedef void action(int count, char **words);

struct command {
    const char *name, *help;
    action *action;
};

static uint32_t number(const char *text)
{
    uint32_t value = 0, base = 10;

    if (text[0] == '0' && text[1] == 'x') {
        base = 16;
        text += 2;
    }
    for (; *text; text++) {
        uint32_t digit = *text <= '9' ? (uint32_t)*text - '0' : (uint32_t)(*text | 0x20) - 'a' + 10;
        if (digit >= base)
            break;
        value = value * base + digit;
    }
    return value;
}

static void do_sta(int count, char **words)
{
    print("sta_Command\n");
    if (count < 2)
        print("usage: sta <ssid> [<key>]\n");
    else
        station_join(words[1], count > 2 ? words[2] : "");
}

static void do_http_ota(int count, char **words)
{
    if (count < 2)
        print("usage: http_ota <url>\n");
    else
        http_ota(words[1]);
}

static void do_version(int count, char **words)
{
    (void)count, (void)words;
    print("reference app, version " VERSION "\n");
}

static void do_reboot(int count, char **words)
{
    (void)count, (void)words;
    reboot();
}

static void flash_dump(uint32_t address, uint32_t count)
{
    uint8_t line[16];
    uint32_t i;

    for (; count; address += sizeof line, count -= count < sizeof line ? count : sizeof line) {
        uint32_t take = count < sizeof line ? count : sizeof line;
        flash_read(address, line, take);
        print("%06x:", address);
        for (i = 0; i < take; i++)
            print(" %02x", line[i]);
        print("\n");
    }
}

/* Writing and erasing is for experiments with the download partition; what the chip protects stays as it is. */
static void do_flash(int count, char **words)
{
    uint32_t address = count > 2 ? number(words[2]) : 0, size = count > 3 ? number(words[3]) : 16;

    if (count > 2 && words[1][0] == 'R')
        flash_dump(address, size);
    else if (count > 2 && words[1][0] == 'E')
        flash_erase_sector(address);
    else
        print("usage: flash R <address> [<count>], flash E <address>\n");
}

static void do_ifconfig(int count, char **words)
{
    (void)count, (void)words;
    net_print();
}

static void do_ping(int count, char **words)
{
    uint32_t address, i;

    if (count < 2 || !dns_resolve(words[1], &address)) {
        print("ping: no such host\n");
        return;
    }
    for (i = 0; i < 4; i++) {
        uint32_t start = milliseconds();
        if (ping(address, i))
            print("%u bytes from " IP_FORMAT " icmp_seq=%u time=%u ms\n", PING_SIZE, IP_PARTS(address), i,
                  milliseconds() - start);
        else
            print("ping: timeout\n");
    }
}

static void do_scan(int count, char **words)
{
    (void)count, (void)words;
    scan_print();
}

static void do_time(int count, char **words)
{
    (void)count, (void)words;
    print("%u ms\n", milliseconds());
}

static void do_help(int count, char **words);

static const struct command commands[] = {
    {"help", "this list", do_help},
    {"version", "the version of the application", do_version},
    {"reboot", "start again", do_reboot},
    {"time", "milliseconds since the start", do_time},
    {"flash", "flash R <address> [<count>], flash E <address>", do_flash},
    {"scan", "networks that are heard", do_scan},
    {"sta", "sta <ssid> [<key>]: join a network", do_sta},
    {"ifconfig", "addresses", do_ifconfig},
    {"ping", "ping <host>", do_ping},
    {"http_ota", "http_ota <url>: download an update and install it", do_http_ota},
};

static void do_help(int count, char **words)
{
    uint32_t i;
    (void)count, (void)words;
    for (i = 0; i < sizeof commands / sizeof *commands; i++)
        print("%s: %s\n", commands[i].name, commands[i].help);
}

void command(int count, char **words)
{
    uint32_t i;

    for (i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(words[0], commands[i].name) == 0) {
            commands[i].action(count, words);
            return;
        }
    }
    print("command '%s' not found\n", words[0]);
}
