/* The console on UART1. The interrupt handler collects what is typed; a line ends with CR, LF is ignored, BS and DEL
 * delete. Words are separated by spaces; "quotes" group, and a backslash takes a space or a quote as it is. */
#include "app.h"
#include "registers.h"

enum { LINE = 128, WORDS = 8, RING = 256, RX_THRESHOLD = 16 };

static volatile uint8_t ring[RING];
static volatile uint32_t put_at, take_at;
static char line[LINE + 1];
static int length;

void console_init(void)
{
    UART1_FIFO_CONFIG = RX_THRESHOLD << 8 | 0x40;
    UART1_INTR_ENABLE = RX_FIFO_NEED_READ | RX_STOP_END;
}

FROM_RAM void console_interrupt(void)
{
    UART1_INTR_STATUS = UART1_INTR_STATUS;
    while (UART1_FIFO_STATUS & FIFO_RD_READY) {
        uint8_t byte = (uint8_t)(UART1_FIFO_PORT >> 8);
        if (put_at - take_at < RING)
            ring[put_at++ % RING] = byte;
    }
}

/* Splits a line in place. Returns how many words there are. */
static int split(char *text, char **words)
{
    char *out = text;
    int count = 0, inside = 0, quoted = 0;

    for (; *text; text++) {
        int escaped = *text == '\\' && (text[1] == ' ' || text[1] == '"');
        if (!escaped && *text == ' ' && !quoted) {
            if (inside)
                *out++ = 0;
            inside = 0;
            continue;
        }
        if (!inside) {
            if (count == WORDS)
                break;
            words[count++] = out;
            inside = 1;
        }
        if (escaped)
            *out++ = *++text;
        else if (*text == '"')
            quoted = !quoted;
        else
            *out++ = *text;
    }
    *out = 0;
    return count;
}

static void enter(void)
{
    char *words[WORDS];
    int count;

    print("\n");
    line[length] = 0;
    length = 0;
    count = split(line, words);
    if (count)
        command(count, words);
    print("\n$ ");
}

static void typed(char c)
{
    if (c == '\r') {
        enter();
    } else if (c == '\b' || c == 0x7F) {
        if (length) {
            length--;
            print("\b \b");
        }
    } else if (c != '\n' && length < LINE) {
        line[length++] = c;
        uart_put(c);
    }
}

void console_poll(void)
{
    while (take_at != put_at)
        typed((char)ring[take_at++ % RING]);
}
