"""The stand-in for an MQTT broker: what a client gets of it, and that no bytes break it. Frames are made by scapy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from long_run import examples
from scapy.contrib.mqtt import (
    MQTT,
    MQTTConnect,
    MQTTPuback,
    MQTTPublish,
    MQTTPubrel,
    MQTTSubscribe,
    MQTTTopic,
    MQTTTopicQOS,
    MQTTUnsubscribe,
)

from bk7238.testing import NotSeen, mqtt
from bk7238.testing.lan import TcpPeer


class Client(TcpPeer):
    """A connection whose bytes stay here."""

    def __init__(self):
        self.is_open, self.got, self.aborted = True, b"", False

    def send(self, data):
        self.got += data

    def abort(self):
        self.is_open, self.aborted = False, True


class Bench:
    """A device and its network, of which the broker asks for a listener."""

    def __init__(self):
        self.network = self

    def listen(self, port, service, *, name):
        self.listens = port, name
        self.service = service

    def wait(self, condition, within, otherwise):
        if not condition():
            raise NotSeen(f"{otherwise()} within {within}")


class Desk:
    def __init__(self):
        self.bench = Bench()
        self.broker = mqtt.Broker(self.bench, name="broker.lan")

    def say(self, client, *packets):
        """The packets that answer these at once."""
        data = b"".join(map(bytes, packets))
        return MQTT(self.bench.service(client, data) or bytes(2))

    def client(self, name=b"lamp", **filters):
        client = Client()
        assert self.say(client, connect(name))[1].retcode == 0
        for topic, qos in filters.items():
            self.say(client, subscribe((topic.replace("_", "/").encode(), qos)))
        return client


def connect(name):
    return MQTT() / MQTTConnect(protoname="MQTT", protolevel=4, cleansess=1, klive=60, clientId=name)


def subscribe(*filters):
    return MQTT(QOS=1) / MQTTSubscribe(msgid=5, topics=[MQTTTopicQOS(topic=one, QOS=qos) for one, qos in filters])


def publish(topic, value, qos=0, **more):
    return MQTT(QOS=qos) / MQTTPublish(topic=topic, value=value, **more)


@pytest.fixture
def desk():
    return Desk()


def test_a_client_connects_subscribes_publishes_and_pings(desk):
    client = desk.client()
    assert desk.bench.listens == (1883, "broker.lan") and desk.broker.clients == ["lamp"]
    granted = desk.say(client, subscribe((b"cmnd/lamp/#", 2), (b"a/+/c", 0)))
    assert (granted.type, granted[1].msgid, granted[1].retcodes) == (9, 5, [1, 0])
    acknowledged = desk.say(client, publish(b"stat/lamp", b"ON", 1, msgid=77))
    assert (acknowledged.type, acknowledged[1].msgid) == (4, 77)
    assert desk.broker.expect("stat/.*", "ON") == mqtt.MqttMessage("lamp", "stat/lamp", b"ON")
    with pytest.raises(NotSeen, match=r"no message 'stat/\.\*' '' came to <broker with lamp: 1 messages>"):
        desk.broker.expect("stat/.*")
    for _ in range(2):  # the second time because the answer was lost
        received = desk.say(client, publish(b"once", b"x", 2, msgid=78))
        assert (received.type, received[1].msgid) == (5, 78)
    released = desk.say(client, MQTT(QOS=1) / MQTTPubrel(msgid=78))
    assert (released.type, released[1].msgid) == (7, 78)
    assert [message.topic for message in desk.broker.messages] == ["stat/lamp", "once"]
    assert desk.say(client, MQTT(type=12)).type == 13
    assert not client.got and not client.aborted


def test_messages_go_to_who_is_subscribed_with_the_lesser_qos(desk):
    one, other = desk.client(b"one", a_b=0), desk.client(b"other", a_b=1, a_c=1)
    assert desk.broker.publish("a/b", "x", qos=1) == 2 and desk.broker.publish("a/d", "x") == 0
    first, second = MQTT(one.got), MQTT(other.got)
    assert (first.QOS, first[1].topic, first[1].value) == (0, b"a/b", b"x")
    assert (second.QOS, second[1].msgid, second[1].value) == (1, 1, b"x")
    assert desk.say(other, MQTT() / MQTTPuback(msgid=1)).type == 0, "no answer"
    other.got = b""
    desk.say(one, publish(b"a/c", b"y"))
    assert MQTT(other.got)[1].value == b"y"
    other.got = b""
    desk.say(other, MQTT(QOS=1) / MQTTUnsubscribe(msgid=9, topics=[MQTTTopic(topic=b"a/c")]))
    assert desk.broker.publish("a/c", b"z") == 0
    with pytest.raises(ValueError, match="a message has QoS 0 or 1 here, not 2"):
        desk.broker.publish("a/b", "x", qos=2)


def test_packets_come_in_whatever_pieces(desk):
    client = Client()
    data = b"".join(map(bytes, (connect(b"lamp"), publish(b"t", b"v" * 300), publish(b"t", b"w"))))
    answers = b"".join(desk.bench.service(client, data[at : at + 1]) or b"" for at in range(len(data)))
    assert answers == bytes.fromhex("20020000")
    assert [len(message.payload) for message in desk.broker.messages] == [300, 1]


@pytest.mark.parametrize(
    "data",
    [
        bytes(publish(b"t", b"v")),  # before it has connected
        bytes(connect(b"a")) * 2,
        bytes(connect(b"a")) + bytes(publish(b"t", b"v", 3, msgid=1)),
        bytes(connect(b"a")) + bytes.fromhex("30ffffffff01"),
        bytes(connect(b"a")) + bytes.fromhex("30ffff7f"),
        bytes(connect(b"a")) + bytes.fromhex("f000"),
    ],
)
def test_what_is_no_mqtt_ends_the_connection(desk, data):
    client = Client()
    desk.bench.service(client, data)
    assert client.aborted


@pytest.mark.parametrize(
    ("filter", "topic", "is_one"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/b/c", False),
        ("a/+", "a/b", True),
        ("a/+", "a/b/c", False),
        ("+/+", "/b", True),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("#", "a/b", True),
        ("#", "$SYS/b", False),
        ("+/b", "$SYS/b", False),
        ("", "a", False),
    ],
)
def test_filters(filter, topic, is_one):
    assert mqtt._matches(filter, topic) is is_one


@examples(50)
@given(st.lists(st.binary(max_size=40), max_size=4), st.booleans(), st.integers(0, 60), st.binary(max_size=3))
def test_hostile_bytes_end_the_connection_at_most(pieces, connected, place, damage):
    desk, client = Desk(), Client()
    sound = b"".join(map(bytes, (subscribe((b"a/#", 1)), publish(b"a/b", b"v", 1, msgid=3), MQTT(type=12))))
    if connected:
        desk.bench.service(client, bytes(connect(b"a")))
    for piece in (*pieces, sound[:place] + damage + sound[place + len(damage) :]):
        desk.bench.service(client, piece)
    watching = desk.client(b"b", **{"#": 0})
    desk.say(watching, publish(b"t", b"v"))
    assert desk.broker.messages[-1].topic == "t"
