package io.sluice.message;

import static org.junit.jupiter.api.Assertions.assertEquals;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

class KeyHashTest {

  @Property(tries = 500)
  void shouldBeTheHashOfTopicAndKeyHoweverItIsAskedFor(@ForAll String topic, @ForAll String key) {
    int expected = (topic + "#" + key).hashCode() & 0x7fffffff;
    assertEquals(expected, KeyHash.of(topic, key));
    assertEquals(expected, KeyHash.of(topic, (CharSequence) key));
    assertEquals(expected, KeyHash.of(topic, "ab" + key + "c", 2, 2 + key.length()));
  }
}
