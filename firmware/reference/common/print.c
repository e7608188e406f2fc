/* Formatted output. A line end is written as the console wants it: CR, LF. */
#include "common.h"

static void put_number(put_character *put, void *where, uint32_t value, uint32_t base, int width, char fill)
{
    char digits[10];
    int count = 0;

    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    while (width-- > count)
        put(where, fill);
    while (count)
        put(where, digits[--count]);
}

static void put_text(put_character *put, void *where, const char *text, int most)
{
    for (; most && *text; most--)
        put(where, *text++);
}

void format(put_character *put, void *where, const char *pattern, va_list arguments)
{
    for (; *pattern; pattern++) {
        int width = 0, most = -1;
        char fill = ' ';

        if (*pattern != '%') {
            put(where, *pattern);
            continue;
        }
        pattern++;
        if (*pattern == '0')
            fill = '0';
        while (*pattern >= '0' && *pattern <= '9')
            width = width * 10 + *pattern++ - '0';
        if (*pattern == '.')
            for (most = 0, pattern++; *pattern >= '0' && *pattern <= '9';)
                most = most * 10 + *pattern++ - '0';
        while (*pattern == 'l')
            pattern++;
        if (*pattern == 's') {
            put_text(put, where, va_arg(arguments, const char *), most);
        } else if (*pattern == 'c') {
            put(where, (char)va_arg(arguments, int));
        } else if (*pattern == 'x') {
            put_number(put, where, va_arg(arguments, uint32_t), 16, width, fill);
        } else if (*pattern == 'u') {
            put_number(put, where, va_arg(arguments, uint32_t), 10, width, fill);
        } else if (*pattern == 'd') {
            int32_t value = va_arg(arguments, int32_t);
            if (value < 0)
                put(where, '-');
            put_number(put, where, value < 0 ? -(uint32_t)value : (uint32_t)value, 10, width, fill);
        } else {
            put(where, *pattern);
        }
    }
}

static void put_console(void *where, char character)
{
    (void)where;
    if (character == '\n')
        uart_put('\r');
    uart_put(character);
}

void print(const char *pattern, ...)
{
    va_list arguments;
    va_start(arguments, pattern);
    format(put_console, NULL, pattern, arguments);
    va_end(arguments);
}

struct room {
    char *next, *last;
};

static void put_memory(void *where, char character)
{
    struct room *room = where;
    if (room->next < room->last)
        *room->next++ = character;
}

/* Returns how many characters were written, without the NUL; what does not fit is cut. */
int print_to(char *text, size_t size, const char *pattern, ...)
{
    struct room room = {text, text + size - 1};
    va_list arguments;

    va_start(arguments, pattern);
    format(put_memory, &room, pattern, arguments);
    va_end(arguments);
    *room.next = 0;
    return (int)(room.next - text);
}
