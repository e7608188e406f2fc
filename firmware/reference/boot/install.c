/* Installs a package that has passed every check. The footer goes first and comes back last: from the first erase on,
 * until the new application is there and verified, a start finds no valid footer and installs again. The package stays
 * until then, so a power cut at any flash operation leaves either a sound application or a sound package. */
#include "boot.h"
#include "placement.h"

enum { FRAME = 34, DATA = 32, FRAMED_PIECE = PIECE / DATA * FRAME };
enum { FOOTER_SECTORS = 2, ATTEMPTS = 3, ALL_PROTECTED = 0x7C };

/* TRUSTING=1 makes a boot loader with a bug. It believes that an erase that was cut has done its first half, which no
 * chip promises: a sector that is erased where its halves begin is not erased again, and nothing that was written is
 * looked at again. */
#ifndef TRUSTING
#define TRUSTING 0
#endif

static const struct partition *target;
static uint32_t announced, tenths;
static uint32_t frame_address; /* logical: what is scrambled depends on it */
static uint32_t failures, failed_at; /* pages that did not read back as they were programmed, and the first of them */

static uint16_t crc_table[256];

static void make_crc_table(void)
{
    uint32_t byte, bit;
    for (byte = 0; byte < 256; byte++) {
        uint32_t crc = byte << 8;
        for (bit = 0; bit < 8; bit++)
            crc = crc << 1 ^ (crc & 0x8000 ? 0x8005 : 0);
        crc_table[byte] = (uint16_t)crc;
    }
}

/* Frames `count` bytes for `frame_address`; the last frame is filled up with FF. Returns how many bytes that makes. */
static uint32_t frame(const uint8_t *data, uint32_t count, uint8_t *out)
{
    uint32_t length = 0, at, i;

    for (at = 0; at < count; at += DATA, length += FRAME) {
        uint32_t crc = 0xFFFF;
        for (i = 0; i < DATA; i++) {
            uint8_t byte = at + i < count ? data[at + i] : 0xFF;
            if (SCRAMBLED)
                byte ^= scrambling(frame_address + at + i);
            out[length + i] = byte;
            crc = (crc << 8 & 0xFF00) ^ crc_table[(crc >> 8) ^ byte];
        }
        put_be16(out + length + DATA, crc);
    }
    return length;
}

/* The hash says nothing of the frames' CRCs and of the footer, so each page is read back. */
static void program(uint32_t address, const uint8_t *data, uint32_t count)
{
    while (count) {
        uint8_t page[FLASH_PAGE];
        uint32_t skip = address % FLASH_PAGE, take = FLASH_PAGE - skip;
        if (take > count)
            take = count;
        memset(page, 0xFF, sizeof page);
        memcpy(page + skip, data, take);
        flash_program(address - skip, page);
        flash_read(address, page, take);
        if (memcmp(page, data, take) != 0 && !failures++)
            failed_at = address;
        address += take;
        data += take;
        count -= take;
    }
}

static void show_progress(uint32_t done)
{
    static const char bar[] = "====================", rest[] = "                    ";
    uint32_t now = done / (announced / 10 + 1);

    if (done == announced)
        now = 10;
    if (now == tenths)
        return;
    tenths = now;
    INFO("OTA", "OTA Write: [%s>%s] %u%%", bar + 20 - 2 * now, rest + 2 * now, 10 * now);
}

static int write_piece(const uint8_t *data, uint32_t count, uint32_t offset)
{
    static uint8_t framed[FRAMED_PIECE];
    uint32_t length;

    if (SCRAMBLED)
        frame_address = target->offset + offset;
    length = frame(data, count, framed);

    program(partition_start(target) + offset / DATA * FRAME, framed, length);
    show_progress(offset + count);
    return 1;
}

#if TRUSTING
static int is_erased(uint32_t sector)
{
    uint32_t first, second;

    flash_read(sector, &first, sizeof first);
    flash_read(sector + FLASH_SECTOR / 2, &second, sizeof second);
    return (first & second) == 0xFFFFFFFF;
}
#endif

static void erase(uint32_t raw_size)
{
    uint32_t start = partition_start(target), footer = partition_end(target) - FOOTER_SECTORS * FLASH_SECTOR, address;
    uint32_t end = start + (raw_size + DATA - 1) / DATA * FRAME;

    INFO("OTA", "The partition 'app' is erasing.");
    for (address = partition_end(target); address > footer;) {
        address -= FLASH_SECTOR;
        flash_erase_sector(address);
        print("#");
    }
    if (end > footer)
        end = footer;
    for (address = start; address < end; watchdog_feed()) {
        if (address % FLASH_BLOCK == 0 && address + FLASH_BLOCK <= end) {
            flash_erase_block(address);
            address += FLASH_BLOCK;
            print("B");
        } else {
#if TRUSTING
            if (!is_erased(address))
#endif
                flash_erase_sector(address);
            address += FLASH_SECTOR;
            print("#");
        }
    }
    print("\n");
    INFO("OTA", "The partition 'app' erase success.");
}

static int written_right(void)
{
    if (TRUSTING)
        return 1;
    if (failures)
        ERROR("OTA", "part_write_verify", "The flash at %x does not hold what was written to it (%u pages).", failed_at,
              failures);
    return !failures;
}

static int write_and_verify(const struct rbl *header, const struct partition *download)
{
    uint32_t hash;

    failures = 0;
    announced = header->raw_size;
    tenths = ~0u;
    sink_open(header->raw_size, write_piece);
    source_open(partition_start(download) + sizeof *header, header->body_size);
    package_decode(header);
    sink_close();
    INFO("OTA", "total_len((%u) >= size_raw(%u), _STREAM_END", sink_total, header->raw_size);
    if (TRUSTING || app_body_matches(target, header, &hash))
        return written_right();
    ERROR("OTA", "part_fw_hash_verify:297",
          "Verify firmware hash(calc.hash: %08x != hdr.hash: %08x) failed on partition 'app'.", hash, header->raw_hash);
    return 0;
}

static int write_footer(const struct rbl *header)
{
    uint8_t framed[sizeof *header / DATA * FRAME];
    uint32_t length;

    if (SCRAMBLED)
        frame_address = target->offset + target->length - sizeof *header;
    length = frame((const uint8_t *)header, sizeof *header, framed);

    failures = 0;
    program(partition_end(target) - length, framed, length);
    return written_right();
}

static void erase_download(const struct partition *download)
{
    ERROR("OTA", "ota_erase_dl_rbl:24", "ota_erase_dl_rbl");
    ERROR("OTA", "ota_erase_dl_rbl:32", "ota_erase_dl_rbl erase:%x", partition_start(download));
    flash_erase_sector(partition_start(download));
}

int package_install(const struct rbl *header, const struct partition *app, const struct partition *download)
{
    uint32_t attempt;

    target = app;
    make_crc_table();
    flash_set_status(0);
    for (attempt = 0; attempt < ATTEMPTS; attempt++) {
        erase(header->raw_size);
        if (!write_and_verify(header, download) || !write_footer(header))
            continue;
        erase_download(download);
        flash_set_status(ALL_PROTECTED);
        return 1;
    }
    flash_set_status(ALL_PROTECTED);
    return 0;
}
