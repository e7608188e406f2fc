/* The partition table: magic, name, flash device, offset, length, CRC-32 of these 60 bytes. Offsets on beken_onchip are
 * physical, on beken_onchip_crc logical. The CRCs are what formats.partitions.Partition.pack() gives. */
    .section .table, "a"

    .macro entry name, device, offset, length, crc
1:  .ascii "01PE"
    .ascii "\name"
    .space 28 - (. - 1b)
    .ascii "\device"
    .space 52 - (. - 1b)
    .word \offset, \length, \crc
    .endm

    entry download, beken_onchip, 0x132000, 0xAE000, 0xE93B1B55
    entry app, beken_onchip_crc, 0x10000, 0x110000, 0xE48592C9
    entry bootloader, beken_onchip_crc, 0, 0x10000, 0x4ABD15AF
