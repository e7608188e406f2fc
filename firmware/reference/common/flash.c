/* The flash controller. Addresses are physical. While the chip is busy nothing can be fetched from it, so whatever
 * starts an operation runs from RAM, with interrupts masked. The controller issues WREN by itself. */
#include "common.h"
#include "registers.h"

enum { READ = 5, READ_STATUS = 3, READ_STATUS_2 = 6, WRITE_STATUS_2 = 7, PROGRAM = 12, ERASE_4K = 13, ERASE_64K = 15,
       READ_ID = 20 };
enum { IRQ_AND_FIQ_MASKED = 0xC0 };
enum { ADDRESS = 0xFFFFFF, OPCODE_LSB = 24, WRSR_DATA_LSB = 10, WRSR_DATA = 0xFFFF << 10 };

static FROM_RAM void operate(uint32_t opcode, uint32_t address)
{
    uint32_t cpsr;

    __asm__ volatile("mrs %0, cpsr" : "=r"(cpsr));
    __asm__ volatile("msr cpsr_c, %0" : : "r"(cpsr | IRQ_AND_FIQ_MASKED) : "memory");
    while (FLASH_OPERATE_SW & OPERATE_BUSY)
        ;
    FLASH_OPERATE_SW = OPERATE_START | OPERATE_WP_VALUE | opcode << OPCODE_LSB | (address & ADDRESS);
    while (FLASH_OPERATE_SW & OPERATE_BUSY)
        ;
    __asm__ volatile("msr cpsr_c, %0" : : "r"(cpsr) : "memory");
}

static uint32_t size;

void flash_init(void)
{
    size = 1u << (flash_id() & 0x1F); /* the last byte of a JEDEC id is the power of two of the size */
}

uint32_t flash_id(void)
{
    operate(READ_ID, 0);
    return FLASH_RDID_DATA_FLASH & 0xFFFFFF;
}

uint32_t flash_size(void)
{
    return size;
}

void flash_read(uint32_t address, void *to, uint32_t count)
{
    uint8_t *out = to;

    while (count) {
        uint32_t line[FLASH_LINE / 4], skip = address % FLASH_LINE, take = FLASH_LINE - skip, i;
        if (take > count)
            take = count;
        operate(READ, address - skip);
        for (i = 0; i < FLASH_LINE / 4; i++)
            line[i] = FLASH_DATA_FLASH_SW;
        memcpy(out, (uint8_t *)line + skip, take);
        address += take;
        out += take;
        count -= take;
    }
}

/* 256 bytes at a multiple of 256; bits that are set in `data` stay as they are in the flash. */
void flash_program(uint32_t page, const uint8_t *data)
{
    uint32_t i;

    FLASH_PAGE_WRITE = 1u << 31; /* rewind */
    for (i = 0; i < FLASH_PAGE; i++)
        FLASH_PAGE_WRITE = data[i];
    FLASH_SR_DATA_CRC_CNT |= PAGE_WRITE_EN;
    operate(PROGRAM, page);
    FLASH_SR_DATA_CRC_CNT &= ~(uint32_t)PAGE_WRITE_EN;
}

void flash_erase_sector(uint32_t address)
{
    operate(ERASE_4K, address);
}

void flash_erase_block(uint32_t address)
{
    operate(ERASE_64K, address);
}

/* Both bytes of the chip's status register. */
uint32_t flash_status(void)
{
    uint32_t low;
    operate(READ_STATUS, 0);
    low = FLASH_SR_DATA_CRC_CNT & 0xFF;
    operate(READ_STATUS_2, 0);
    return low | (FLASH_SR_DATA_CRC_CNT & 0xFF) << 8;
}

void flash_set_status(uint32_t status)
{
    if (flash_status() == status)
        return;
    FLASH_CONF = (FLASH_CONF & ~(uint32_t)WRSR_DATA) | status << WRSR_DATA_LSB;
    operate(WRITE_STATUS_2, 0);
}
