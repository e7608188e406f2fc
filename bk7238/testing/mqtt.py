"""A stand-in for an MQTT broker (3.1.1), as far as a test needs one that is the same in every run: connections,
subscriptions, messages, pings. It takes messages of every QoS, and hands them on with QoS 0 or 1.

Not simulated: wills, retained messages, sessions that outlive their connection, passwords (any will do).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from bk7238.testing.lan import Peer, TcpPeer

if TYPE_CHECKING:
    from bk7238.testing.kit import Dut

PORT = 1883
LONGEST = 1 << 16  # bytes of a packet
_PINGRESP = 13
_REFUSED = 0x80  # return code of a subscription


class MqttMessage(NamedTuple):
    """A message that a client has published."""

    client: str
    topic: str
    payload: bytes


class _Client:
    """A connection: what has come of its next packet, and the filters that it is subscribed to, with their QoS."""

    def __init__(self) -> None:
        self.name: str | None = None  # until it has sent a CONNECT
        self.begun = bytearray()
        self.filters: dict[str, int] = {}
        self.packets = 0  # sent to it with an identifier
        self.unreleased: set[int] = set()  # messages of QoS 2 that came, and may come again


class Broker:
    """Listens on a port of the device's network. `messages` are all that clients have published, in their order."""

    def __init__(self, dut: Dut, port: int = PORT, name: str | None = None) -> None:
        self._dut = dut
        self.messages: list[MqttMessage] = []
        self._clients: dict[Peer, _Client] = {}
        self._read = 0  # messages that `expect` has passed
        self.listener = dut.network.listen(port, self._heard, name=name)

    def __repr__(self) -> str:
        return f"<broker with {', '.join(self.clients) or 'no clients'}: {len(self.messages)} messages>"

    @property
    def clients(self) -> list[str]:
        """The client identifiers of those that are connected."""
        return [client.name for peer, client in self._clients.items() if peer.is_open and client.name is not None]

    def publish(self, topic: str, payload: str | bytes, qos: int = 0) -> int:
        """Hand a message to who is subscribed to its topic, and give how many that are. Raises ValueError for a QoS
        that there is not."""
        if qos not in (0, 1):
            raise ValueError(f"a message has QoS 0 or 1 here, not {qos!r}")
        data = payload.encode() if isinstance(payload, str) else payload
        return self._deliver(topic, data, qos)

    def expect(self, topic: str, payload: str | bytes | None = None, within: str | float = "20 s") -> MqttMessage:
        """Run until a message has come whose topic, and whose payload where one is given, match these regular
        expressions as a whole, and give it; the next call looks at those behind it. Raises NotSeen."""
        wanted = payload.encode() if isinstance(payload, str) else payload
        found: list[MqttMessage] = []

        def matches() -> bool:
            while self._read < len(self.messages) and not found:
                message = self.messages[self._read]
                self._read += 1
                if re.fullmatch(topic, message.topic) and (
                    wanted is None or re.fullmatch(wanted, message.payload, re.DOTALL)
                ):
                    found.append(message)
            return bool(found)

        self._dut.wait(matches, within, lambda: f"no message {topic!r} {payload or ''!r} came to {self!r}")
        return found[0]

    # The network's side

    def _heard(self, peer: Peer, data: bytes) -> bytes | None:
        client = self._clients.setdefault(peer, _Client())
        client.begun += data
        answers = b""
        try:
            while frame := _take(client.begun):
                answers += self._packet(client, frame)
        except _ProtocolError:
            client.begun.clear()
            assert isinstance(peer, TcpPeer)
            peer.abort()
            return None
        return answers or None

    def _packet(self, client: _Client, frame: bytes) -> bytes:
        """The answer to one packet. Raises _ProtocolError for what ends its connection."""
        from scapy.contrib import mqtt

        try:
            packet = mqtt.MQTT(frame)
        except Exception:  # whatever damaged bytes lead to there
            raise _ProtocolError from None
        kind, body = mqtt.CONTROL_PACKET_TYPE.get(packet.type), packet.payload
        if (client.name is None) != (kind == "CONNECT"):
            raise _ProtocolError  # it is the first, and no other
        if kind == "CONNECT" and isinstance(body, mqtt.MQTTConnect):
            client.name = _text(body.clientId)
            return bytes(mqtt.MQTT() / mqtt.MQTTConnack())
        if kind == "PUBLISH" and isinstance(body, mqtt.MQTTPublish) and packet.QOS < 3:
            self._published(client, _text(body.topic), bytes(body.value), packet.QOS, body.msgid)
            answer = (None, mqtt.MQTTPuback, mqtt.MQTTPubrec)[packet.QOS]
            return b"" if answer is None else bytes(mqtt.MQTT() / answer(msgid=body.msgid))
        if kind == "PUBREL" and isinstance(body, mqtt.MQTTPubrel):
            client.unreleased.discard(body.msgid)
            return bytes(mqtt.MQTT() / mqtt.MQTTPubcomp(msgid=body.msgid))
        if kind == "SUBSCRIBE" and isinstance(body, mqtt.MQTTSubscribe):
            asked = [(_text(one.topic), min(1, one.QOS)) for one in body.topics if isinstance(one, mqtt.MQTTTopic)]
            client.filters |= {one: qos for one, qos in asked if one}
            codes = [qos if one else _REFUSED for one, qos in asked]
            return bytes(mqtt.MQTT() / mqtt.MQTTSuback(msgid=body.msgid, retcodes=codes))
        if kind == "UNSUBSCRIBE" and isinstance(body, mqtt.MQTTUnsubscribe):
            for one in body.topics:
                client.filters.pop(_text(getattr(one, "topic", b"")), None)
            return bytes(mqtt.MQTT() / mqtt.MQTTUnsuback(msgid=body.msgid))
        if kind == "PINGREQ":
            return bytes(mqtt.MQTT(type=_PINGRESP))
        if kind in ("PUBACK", "DISCONNECT"):
            return b""
        raise _ProtocolError

    def _published(self, client: _Client, topic: str, payload: bytes, qos: int, number: int | None) -> None:
        if qos == 2 and number in client.unreleased:
            return
        if qos == 2 and number is not None:
            client.unreleased.add(number)
        self.messages.append(MqttMessage(client.name or "", topic, payload))
        self._deliver(topic, payload, min(1, qos))

    def _deliver(self, topic: str, payload: bytes, qos: int) -> int:
        from scapy.contrib import mqtt

        count = 0
        for peer, client in self._clients.items():
            granted = [one for filter, one in client.filters.items() if _matches(filter, topic)]
            if not granted or not peer.is_open:
                continue
            count += 1
            level = min(qos, max(granted))
            more: dict[str, Any] = {}
            if level:
                client.packets = client.packets % 0xFFFF + 1
                more["msgid"] = client.packets
            peer.send(bytes(mqtt.MQTT(QOS=level) / mqtt.MQTTPublish(topic=topic, value=payload, **more)))
        return count


class _ProtocolError(Exception):
    pass


def _take(begun: bytearray) -> bytes:
    """The first packet in what has come, taken out; nothing where that is not all of it. Raises _ProtocolError for one
    that is too long."""
    length = 0
    for place, byte in enumerate(begun[1:5]):
        length |= (byte & 0x7F) << 7 * place
        if not byte & 0x80:
            end = place + 2 + length
            if end > LONGEST:
                raise _ProtocolError
            packet = bytes(begun[:end]) if len(begun) >= end else b""
            del begun[: len(packet)]
            return packet
    if len(begun) > 4:
        raise _ProtocolError
    return b""


def _matches(filter: str, topic: str) -> bool:
    """Whether a topic is one of a filter's, in which + stands for a level and # for all that follow (4.7)."""
    levels, wanted = topic.split("/"), filter.split("/")
    if topic.startswith("$") and wanted[0] in ("+", "#"):
        return False
    if wanted[-1] == "#":
        wanted.pop()
        levels = levels[: len(wanted)]
    return len(wanted) == len(levels) and all(one in ("+", level) for one, level in zip(wanted, levels, strict=True))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
