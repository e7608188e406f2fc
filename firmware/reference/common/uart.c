/* UART1, sending. Receiving is the application's matter. */
#include "common.h"
#include "registers.h"

enum { RX_PIN = 10, TX_PIN = 11 };

void uart_init(void)
{
    GPIO_CONFIG(RX_PIN) = GPIO_SECOND_FUNCTION_PULL_UP;
    GPIO_CONFIG(TX_PIN) = GPIO_SECOND_FUNCTION;
    UART1_CONFIG = UART_115200_8N1;
}

void uart_put(char character)
{
    while (!(UART1_FIFO_STATUS & FIFO_WR_READY))
        ;
    UART1_FIFO_PORT = (uint8_t)character;
}

void uart_wait_empty(void)
{
    while (!(UART1_FIFO_STATUS & TX_FIFO_EMPTY))
        ;
}
