*** Settings ***
Documentation       An update over the air in Renode, and what becomes of one whose network fails.
...                 robot --variable IMAGE:full.bin --variable PACKAGE:app.rbl update.robot
Resource            bk7238/robot/bk7238.resource
Suite Setup         Start Renode
Suite Teardown      Stop Renode

*** Variables ***
${IMAGE}            full.bin
${PACKAGE}          app.rbl

*** Test Cases ***
The Boot Loader Starts The App
    Configure    image=${IMAGE}    package=${PACKAGE}
    Power On
    Create Terminal Tester    sysbus.uart1
    Start Emulation
    ${line}=    Wait For Line On Uart    go os_addr    timeout=5
    Should Contain    ${line}[Line]    0x10000
    ${pc}=    Execute Command    sysbus.cpu PC
    Should Start With    ${pc}    0x

The Device Joins And Updates Itself
    Configure    image=${IMAGE}    package=${PACKAGE}    ssid=Bench    psk=correct horse
    Join    within=60 s
    Verdict Should Be    new-app-runs

A Server That Never Answers Leaves The Old App
    Configure    image=${IMAGE}    package=${PACKAGE}
    Fault    http-status:404
    ${verdict}=    Verdict
    Should Not Be Equal    ${verdict}    new-app-runs
