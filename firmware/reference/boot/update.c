/* Whether there is a package in the download partition, and whether it is one that may be installed: the checks of the
 * vendor's boot loader in its order, and between them those that it lacks. Nothing is written here. */
#include "boot.h"

enum { SMALLEST = 128, AES_BLOCK = 16 };

static const struct rbl *package;
static const struct partition *target;
static uint32_t hash;
static const char *refusal;

static uint32_t compression(void)
{
    return package->algorithm >> 8;
}

static int body_crc_matches(const struct partition *download)
{
    uint8_t piece[FLASH_PAGE];
    uint32_t address = partition_start(download) + sizeof *package, left = package->body_size, crc = 0;

    while (left) {
        uint32_t count = left < sizeof piece ? left : sizeof piece;
        flash_read(address, piece, count);
        crc = crc32(crc, piece, count);
        address += count;
        left -= count;
        if (address % FLASH_SECTOR < FLASH_PAGE)
            watchdog_feed();
    }
    if (crc == package->body_crc)
        return 1;
    ERROR("OTA", "rt_ota_part_fw_verify",
          "Verify firmware CRC32(calc.crc: %08x != hdr.crc: %08x) failed on partition 'download'.", crc,
          package->body_crc);
    return 0;
}

/* What would make an installation destroy the boot loader or the package. */
static int layout_safe(const struct partition *app, const struct partition *download)
{
    uint32_t app_start = partition_start(app), app_end = partition_end(app);
    uint32_t start = partition_start(download), end = partition_end(download);

    if (!is_framed(app) || app->offset == 0 || app_start % FLASH_SECTOR || app_end % FLASH_SECTOR ||
        app_end > flash_size() || app->length > flash_size())
        ERROR("OTA", "ota_main",
              "The partition 'app' must lie CRC-framed on whole sectors of the flash: error, no update.");
    else if (is_framed(download) || start % FLASH_SECTOR || end > flash_size() || download->length > flash_size() ||
             download->length < FLASH_SECTOR)
        ERROR("OTA", "ota_main",
              "The partition 'download' must lie unframed on whole sectors of the flash: error, no update.");
    else if (start < app_end && app_start < end)
        ERROR("OTA", "ota_main", "The partitions 'app' and 'download' overlap: error, no update.");
    else
        return 1;
    return 0;
}

static uint32_t frame_crc(const uint8_t *data)
{
    uint32_t crc = 0xFFFF, i, bit;
    for (i = 0; i < 32; i++)
        for (crc ^= (uint32_t)data[i] << 8, bit = 0; bit < 8; bit++)
            crc = (crc << 1 ^ (crc & 0x8000 ? 0x8005 : 0)) & 0xFFFF;
    return crc;
}

/* The first piece shows whether this is an application at all. */
static int first_piece_right(const uint8_t *data)
{
    uint32_t reset = le32(data + 0x20);

    if (frame_crc(data) == be16(data + 32))
        ERROR("OTA", "rt_ota_custom_verify:236", "Please use none crc image to build rbl file!");
    else if (reset < target->offset || reset > target->offset + target->length)
        ERROR("OTA", "rt_ota_custom_verify:264", "The application must link to the flash 64KB location!");
    else
        return 1;
    refusal = "Custom verify RAW firmware failed!";
    return 0;
}

static int hash_piece(const uint8_t *data, uint32_t count, uint32_t offset)
{
    if (offset == 0 && !first_piece_right(data))
        return 0;
    hash = fnv1a(hash, data, count);
    return 1;
}

/* From the source to the sink. NULL or what was wrong. */
const char *package_decode(const struct rbl *header)
{
    switch (header->algorithm >> 8) {
    case COMPRESS_GZIP: return inflate_gzip();
    case COMPRESS_LZMA: return decode_lzma();
    default: return copy_stored();
    }
}

/* Decrypt and decompress everything once without writing it. */
static int dry_run(const struct partition *download)
{
    const char *wrong;
    int whole;

    hash = FNV_START;
    refusal = NULL;
    sink_open(package->raw_size, hash_piece);
    source_open(partition_start(download) + sizeof *package, package->body_size);
    wrong = package_decode(package);
    whole = sink_close();
    if (!refusal && wrong)
        print("decompress error: %s\n", wrong);
    else if (!refusal)
        INFO("OTA", "total_len((%u) >= size_raw(%u), _STREAM_END", sink_total, package->raw_size);
    if (!refusal && !wrong && whole && hash == package->raw_hash)
        return 1;
    if (refusal)
        ERROR("OTA", "copy_fw_from_dl_part", "%s", refusal);
    else
        ERROR("OTA", "copy_fw_from_dl_part:720",
              "Verify downloaded firmware hash (calc.hash: %08x != hdr.hash: %08x) failed.", hash, package->raw_hash);
    ERROR("OTA", "rt_ota_upgrade", "OTA upgrade failed! Download data copy to partition(app) error!");
    return 0;
}

static void announce(const struct partition *app)
{
    struct rbl footer;
    char from[25], to[25];

    footer_read(app, &footer);
    printable(package->version, sizeof package->version, to);
    if (header_check(&footer) != HEADER_GOOD) {
        INFO("OTA", "OTA firmware(app) upgrade startup.");
        return;
    }
    printable(footer.version, sizeof footer.version, from);
    INFO("OTA", "OTA firmware(app) upgrade(%s->%s) startup.", from, to);
}

int package_acceptable(const struct rbl *header, const struct partition *app, const struct partition *download)
{
    package = header;
    target = app;
    if (!layout_safe(app, download))
        return 0;
    if (header->body_size == 0 || header->body_size % AES_BLOCK ||
        header->body_size > download->length - sizeof *header) {
        ERROR("OTA", "ota_main", "The package's body cannot have %u bytes: error, no update.", header->body_size);
        return 0;
    }
    if (!body_crc_matches(download))
        return 0;
    if (header->raw_size > app->length - sizeof *header) {
        ERROR("OTA", "rt_ota_upgrade:957", "The partition (%.24s) has no space (unless %u) for upgrade.", app->device,
              header->raw_size + sizeof *header);
        return 0;
    }
    if (header->raw_size < SMALLEST) {
        ERROR("OTA", "rt_ota_upgrade", "An application cannot have %u bytes.", header->raw_size);
        return 0;
    }
    announce(app);
    if ((header->algorithm & 0xFF) != CRYPT_AES ||
        (compression() != COMPRESS_NONE && compression() != COMPRESS_GZIP && compression() != COMPRESS_LZMA)) {
        ERROR("OTA", "copy_fw_from_dl_part", "ota algorithm no support: %u!", header->algorithm);
        return 0;
    }
    return dry_run(download);
}

void update_if_there_is_one(const struct partition *app, const struct partition *download)
{
    struct rbl header, footer;
    enum header_state state;
    char name[17];

    flash_read(partition_start(download), &header, sizeof header);
    state = header_check(&header);
    if (state == HEADER_BLANK)
        return;
    if (state == HEADER_BAD) {
        ERROR("OTA", "ota_main", "The header in the download partition is damaged: no update.");
        return;
    }
    printable(header.partition, sizeof header.partition, name);
    if (strcmp(name, "bootloader") == 0) {
        ERROR("OTA", "ota_main:111", "Can not upgrade bootloader partition!");
        return;
    }
    if (!partition_named(name)) {
        ERROR("OTA", "rt_ota_check_upgrade:432", "The partition %s was not found", name);
        return;
    }
    if (strcmp(name, "app") != 0) {
        ERROR("OTA", "rt_ota_check_upgrade", "The package names the partition %s: only app is installed.", name);
        return;
    }
    footer_read(app, &footer);
    if (header_check(&footer) != HEADER_GOOD)
        INFO("OTA", "Get 'app' partition firmware header failed! This partition will be forced to upgrade.");
    else if (memcmp(&header, &footer, sizeof header) == 0 && app_sound(app))
        return; /* installed already */
    if ((header.algorithm & 0xF) == CRYPT_NONE) {
        ERROR("OTA", "ota_main:125", "none encryption Not allow!");
        return;
    }
    if (!package_acceptable(&header, app, download) || !package_install(&header, app, download))
        ERROR("OTA", "ota_main:144", "OTA upgrade failed!");
}
