/* The boot loader's parts. */
#ifndef BOOT_H
#define BOOT_H

#include "common.h"

/* Lines of the log. The tags are those of the boot loader that this one is compatible with, so that logs compare. */
#define INFO(module, ...) (print("[I/" module "] "), print(__VA_ARGS__), print("\n"))
#define ERROR(module, tag, ...) (print("[E/" module "] (" tag ") "), print(__VA_ARGS__), print("\n"))

struct package_keys {
    char iv[17], key[33];
};
extern const struct package_keys package_keys;

/* partitions.c: the table behind the code */
struct partition {
    char magic[4], name[24], device[24];
    uint32_t offset, length, crc;
};
void partitions_find(void);
const struct partition *partition_named(const char *name);
int is_framed(const struct partition *partition);
uint32_t physical(uint32_t logical);
uint32_t partition_start(const struct partition *partition); /* physical */
uint32_t partition_end(const struct partition *partition);

/* rbl.c: the header of a package, and of the application's footer */
struct rbl {
    char magic[4];
    uint32_t algorithm, timestamp;
    char partition[16], version[24], serial[24];
    uint32_t body_crc, raw_hash, raw_size, body_size, crc;
};
enum { CRYPT_NONE = 0, CRYPT_AES = 2, COMPRESS_NONE = 0, COMPRESS_GZIP = 1, COMPRESS_LZMA = 4 };
enum header_state { HEADER_GOOD, HEADER_BLANK, HEADER_BAD };
enum header_state header_check(const struct rbl *header);
void footer_read(const struct partition *app, struct rbl *footer);
int printable(const char *field, int size, char *text);

/* update.c, install.c, verify.c */
void update_if_there_is_one(const struct partition *app, const struct partition *download);
int package_acceptable(const struct rbl *header, const struct partition *app, const struct partition *download);
const char *package_decode(const struct rbl *header);
int package_install(const struct rbl *header, const struct partition *app, const struct partition *download);
int app_body_matches(const struct partition *app, const struct rbl *header, uint32_t *hash);
int app_sound(const struct partition *app);

/* scramble.c */
uint8_t scrambling(uint32_t address);

/* source.c: the body of a package, decrypted, byte by byte */
void source_open(uint32_t address, uint32_t size);
int source_refill(void);
extern const uint8_t *source_next, *source_last;
static inline int source_byte(void) /* -1 at the end */
{
    return source_next == source_last && !source_refill() ? -1 : *source_next++;
}

/* sink.c: the application that comes out, and the window that decompressors look back into */
enum { WINDOW = 0x10000, PIECE = 0x1000 };
extern uint8_t window[WINDOW];
extern uint32_t sink_total, sink_limit;
typedef int take_piece(const uint8_t *data, uint32_t count, uint32_t offset);
void sink_open(uint32_t limit, take_piece *take);
int sink_flush(void);
int sink_close(void);
static inline int sink_put(uint8_t byte) /* 0: refused */
{
    if (sink_total >= sink_limit)
        return 0;
    window[sink_total++ % WINDOW] = byte;
    return sink_total % PIECE != 0 || sink_flush();
}
int sink_copy(uint32_t distance, uint32_t length);

/* inflate.c, lzma.c: from the source to the sink; NULL or what was wrong */
const char *copy_stored(void);
const char *inflate_gzip(void);
const char *decode_lzma(void);

/* start.S */
void start_app(uint32_t address) __attribute__((noreturn));
void unexpected(void);
void crashed(void) __attribute__((noreturn));

#endif
