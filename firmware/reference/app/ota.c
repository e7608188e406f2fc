/* http_ota: downloads a file into the download partition and reboots. What is in the file is the boot loader's matter.
 * Messages are the SDK's. */
#include "app.h"
#include "net.h"
#include "placement.h"
#include "wifi.h"

enum { DOWNLOAD = DOWNLOAD_PLACE, DOWNLOAD_SIZE = DOWNLOAD_LENGTH, CHUNK = 1024, HEAD = 1024, PATIENCE = 50000, HTTP_PORT = 80 };

static char head[HEAD + 1];
static uint32_t head_length, body_length, taken, address, filled, finished;
static uint8_t chunk[CHUNK];
static enum { HEADING, BODY, FAILED } phase;

static void write_chunk(void)
{
    uint8_t check[FLASH_PAGE];
    uint32_t at;

    memset(chunk + filled, 0xFF, CHUNK - filled);
    if (address % FLASH_SECTOR == 0)
        flash_erase_sector(address);
    for (at = 0; at < CHUNK; at += FLASH_PAGE) {
        flash_program(address + at, chunk + at);
        flash_read(address + at, check, FLASH_PAGE);
        if (memcmp(check, chunk + at, FLASH_PAGE) != 0) {
            print("wr flash write err\n");
            phase = FAILED;
            return;
        }
    }
    print(".");
    address += CHUNK;
    filled = 0;
}

static void take_body(const uint8_t *data, uint32_t length)
{
    while (length && phase == BODY && taken < body_length) {
        uint32_t count = CHUNK - filled;
        if (count > length)
            count = length;
        if (count > body_length - taken)
            count = body_length - taken;
        memcpy(chunk + filled, data, count);
        filled += count;
        taken += count;
        data += count;
        length -= count;
        if (filled == CHUNK || taken == body_length)
            write_chunk();
    }
    finished = phase == BODY && taken == body_length;
}

/* The value of a header line; NULL where there is none. Names are compared without regard to case. */
static const char *header_line(const char *name)
{
    const char *line = head;
    uint32_t length = strlen(name), i;

    for (; *line; line++) {
        if (line[0] != '\n')
            continue;
        for (i = 0; i < length && (line[1 + i] | 0x20) == (name[i] | 0x20); i++)
            ;
        if (i == length && line[1 + i] == ':') {
            for (line += 2 + i; *line == ' '; line++)
                ;
            return line;
        }
    }
    return NULL;
}

static void head_complete(void)
{
    const char *length = header_line("Content-Length"), *code = head;

    while (*code && *code != ' ')
        code++;
    phase = FAILED;
    if (strncmp(head, "HTTP/1.", 7) != 0 || strncmp(code, " 200", 4) != 0) {
        print("Could not found\n");
        return;
    }
    if (!length || header_line("Transfer-Encoding")) {
        print("the answer has no Content-Length\n");
        return;
    }
    for (body_length = 0; *length >= '0' && *length <= '9' && body_length <= DOWNLOAD_SIZE; length++)
        body_length = body_length * 10 + (uint32_t)*length - '0';
    if (body_length == 0 || body_length > DOWNLOAD_SIZE) {
        print("%u bytes do not fit the download partition\n", body_length);
        return;
    }
    print("ota write to 0x%x\n", DOWNLOAD);
    phase = BODY;
}

static void take(const uint8_t *data, uint32_t length)
{
    while (length && phase == HEADING) {
        if (head_length == HEAD) {
            phase = FAILED;
            return;
        }
        head[head_length++] = (char)*data++;
        head[head_length] = 0;
        length--;
        if (head_length >= 4 && memcmp(head + head_length - 4, "\r\n\r\n", 4) == 0)
            head_complete();
    }
    if (phase == BODY)
        take_body(data, length);
}

static int is_over(void)
{
    return finished || phase == FAILED || tcp_is_over() || !station_is_joined();
}

/* http://host[:port]/path. 0: it is something else. */
static int split_url(const char *url, char *host, uint32_t size, uint32_t *port, const char **path)
{
    uint32_t length = 0;

    if (strncmp(url, "http://", 7) != 0)
        return 0;
    for (url += 7; *url && *url != '/' && *url != ':'; url++) {
        if (length + 1 == size)
            return 0;
        host[length++] = *url;
    }
    host[length] = 0;
    *port = HTTP_PORT;
    if (*url == ':')
        for (*port = 0, url++; *url >= '0' && *url <= '9'; url++)
            *port = *port * 10 + (uint32_t)*url - '0';
    *path = url;
    return length && *url == '/' && *port - 1 < 0xFFFF;
}

static int download(const char *url)
{
    static char request[512];
    char host[64];
    const char *path;
    uint32_t port, ip;
    int length;

    if (!split_url(url, host, sizeof host, &port, &path)) {
        print("the URL must be http://host/path\n");
        return 0;
    }
    if (!net.address || !dns_resolve(host, &ip) || !tcp_connect(ip, port, take)) {
        print("cannot connect to %s\n", host);
        return 0;
    }
    length = print_to(request, sizeof request, "GET %s HTTP/1.1\r\nHost: %s\r\nAccept: text/xml,text/html\r\n\r\n",
                      path, host);
    if (tcp_send(request, (uint32_t)length))
        wait_until(is_over, PATIENCE);
    tcp_close();
    return finished;
}

void http_ota(const char *url)
{
    uint32_t status = flash_status();
    int done;

    head_length = taken = filled = finished = 0;
    address = DOWNLOAD;
    phase = HEADING;
    flash_set_status(0);
    done = download(url);
    flash_set_status(status);
    if (!done) {
        print("http_ota download failed.\n");
        return;
    }
    print("\nwrite over\nsucess.\n");
    reboot();
}
