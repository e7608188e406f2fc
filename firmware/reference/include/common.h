/* What boot loader and application share: a tiny C library, console output, flash, checksums, AES. */
#ifndef COMMON_H
#define COMMON_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* Code that runs while the flash is busy, and so must not be fetched from it. */
#define FROM_RAM __attribute__((section(".ramcode"), noinline, long_call))

/* text.c */
void *memcpy(void *to, const void *from, size_t count);
void *memmove(void *to, const void *from, size_t count);
void *memset(void *to, int byte, size_t count);
int memcmp(const void *a, const void *b, size_t count);
size_t strlen(const char *text);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t count);

/* print.c: %s %.Ns %c %d %u %x, with a width and leading zeros */
typedef void put_character(void *where, char character);
void format(put_character *put, void *where, const char *pattern, va_list arguments);
int print_to(char *text, size_t size, const char *pattern, ...);
void print(const char *pattern, ...);

/* uart.c */
void uart_init(void);
void uart_put(char character);
void uart_wait_empty(void);

/* watchdog.c */
void watchdog_start(uint32_t milliseconds);
void watchdog_feed(void);

/* flash.c: physical addresses */
enum { FLASH_LINE = 32, FLASH_PAGE = 256, FLASH_SECTOR = 0x1000, FLASH_BLOCK = 0x10000 };
void flash_init(void);
uint32_t flash_size(void);
uint32_t flash_id(void);
void flash_read(uint32_t address, void *to, uint32_t count);
void flash_program(uint32_t page, const uint8_t *data);
void flash_erase_sector(uint32_t address);
void flash_erase_block(uint32_t address);
uint32_t flash_status(void);
void flash_set_status(uint32_t status);

/* crc32.c, fnv.c */
uint32_t crc32(uint32_t crc, const void *data, size_t count);
enum { FNV_START = 0x811C9DC5 };
uint32_t fnv1a(uint32_t hash, const void *data, size_t count);

/* aes.c */
struct aes {
    uint32_t rounds;
    uint32_t keys[60];
};
void aes_init(void);
void aes_decryption_key(struct aes *aes, const uint8_t *key, uint32_t bytes);
void aes_decrypt(const struct aes *aes, const uint8_t in[16], uint8_t out[16]);

/* Little-endian and big-endian fields that may lie anywhere */
static inline uint32_t le16(const uint8_t *p) { return p[0] | p[1] << 8; }
static inline uint32_t le32(const uint8_t *p) { return le16(p) | le16(p + 2) << 16; }
static inline uint32_t be16(const uint8_t *p) { return p[0] << 8 | p[1]; }
static inline uint32_t be32(const uint8_t *p) { return be16(p) << 16 | be16(p + 2); }
static inline void put_le16(uint8_t *p, uint32_t v) { p[0] = v; p[1] = v >> 8; }
static inline void put_be16(uint8_t *p, uint32_t v) { p[0] = v >> 8; p[1] = v; }
static inline void put_be32(uint8_t *p, uint32_t v) { put_be16(p, v >> 16); put_be16(p + 2, v); }

#endif
