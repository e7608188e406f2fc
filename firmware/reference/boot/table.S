/* The partition table: magic, name, flash device, offset, length, CRC-32 of these 60 bytes. Offsets on beken_onchip are
 * physical, on beken_onchip_crc logical. */
#include "placement.h"

    .section .table, "a"

    .macro entry name, device, offset, length, crc
1:  .ascii "01PE"
    .ascii "\name"
    .space 28 - (. - 1b)
    .ascii "\device"
    .space 52 - (. - 1b)
    .word \offset, \length, \crc
    .endm

    entry download, beken_onchip, DOWNLOAD_PLACE, DOWNLOAD_LENGTH, DOWNLOAD_CRC
    entry app, beken_onchip_crc, APP_PLACE, APP_LENGTH, APP_CRC
    entry bootloader, beken_onchip_crc, 0, APP_PLACE, BOOTLOADER_CRC
