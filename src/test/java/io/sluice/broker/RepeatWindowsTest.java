package io.sluice.broker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.bus.TopicConfig;
import io.sluice.message.RepeatKey;
import io.sluice.store.RepeatEntries;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Each topic has a window of its own, and a busy one does not shorten those of the others. */
class RepeatWindowsTest {

  private static final long WINDOW_MS = 600_000;

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6})
  void shouldRememberTheNewestOfEachTopicAsManyAsItMay(long seed) {
    Random random = new Random(seed);
    RepeatWindows windows = new RepeatWindows(WINDOW_MS, 500, 100_000);
    windows.configure(List.of(topic("small", "sluice.duplicate-entries", "7")));
    Map<String, Deque<Long>> model = new TreeMap<>();
    long physicalOffset = 0;
    for (int step = 0; step < 5_000; step++) {
      String topic = random.nextInt(3) == 0 ? "small" : "topic-" + random.nextInt(20);
      Deque<Long> newest = model.computeIfAbsent(topic, name -> new ArrayDeque<>());
      List<Long> added = new ArrayList<>();
      for (int i = random.nextInt(5); i >= 0; i--) {
        physicalOffset += 100;
        added.add(physicalOffset);
        add(windows, topic, physicalOffset);
      }
      if (random.nextInt(5) == 0) {
        windows.takeBack(hash(topic, added.remove(added.size() - 1)));
      }
      for (long each : added) {
        newest.addLast(each);
      }
      windows.bound(RepeatKey.topicNumber(topic));
      while (newest.size() > (topic.equals("small") ? 7 : 500)) {
        newest.removeFirst();
      }
      assertEquals(
          model.values().stream().mapToInt(Deque::size).sum(), windows.size(), "seed " + seed);
    }
    model.forEach(
        (topic, newest) -> {
          for (long each : newest) {
            assertTrue(isThere(windows, topic, each), "seed " + seed + ", " + topic);
          }
        });
  }

  @Test
  void shouldTakeFromTheLargestWhereAllAreTooMany() {
    RepeatWindows windows = new RepeatWindows(WINDOW_MS, 1_000_000, 10_000);
    for (long i = 1; i <= 100; i++) {
      addFor(windows, "quiet", i);
    }
    for (long i = 1_000; i < 50_000; i++) {
      addFor(windows, "busy", i);
      assertTrue(windows.size() <= 10_000);
    }
    for (long i = 1; i <= 100; i++) {
      assertTrue(isThere(windows, "quiet", i));
    }
    assertTrue(isThere(windows, "busy", 50_000 - 9_800));
    assertTrue(windows.size() > 9_800);
  }

  @Test
  void shouldForgetByTheWindowOfEachTopic() {
    RepeatWindows windows = new RepeatWindows(WINDOW_MS, 1_000, 10_000);
    windows.configure(List.of(topic("short", "sluice.duplicate-window", "2m")));
    windows.forgetOld(0);
    addFor(windows, "short", 1);
    addFor(windows, "long", 1);
    windows.forgetOld(1_000);
    windows.forgetOld(1_000 + 120_000 - 1);
    assertTrue(isThere(windows, "short", 1));
    windows.forgetOld(1_000 + 120_000);
    assertEquals(1, windows.size());
    assertTrue(isThere(windows, "long", 1));
    windows.forgetOld(1_000 + WINDOW_MS);
    assertEquals(0, windows.size());
  }

  private static void addFor(RepeatWindows windows, String topic, long physicalOffset) {
    add(windows, topic, physicalOffset);
    windows.bound(RepeatKey.topicNumber(topic));
  }

  private static void add(RepeatWindows windows, String topic, long physicalOffset) {
    long hash = hash(topic, physicalOffset);
    long place = RepeatEntries.place(hash, physicalOffset);
    windows.add(RepeatEntries.low(hash), place);
  }

  private static boolean isThere(RepeatWindows windows, String topic, long physicalOffset) {
    return windows.find(
        hash(topic, physicalOffset),
        place -> RepeatEntries.physicalOffset(place) == physicalOffset);
  }

  private static long hash(String topic, long key) {
    byte[] bytes = Long.toString(key).getBytes(StandardCharsets.UTF_8);
    return RepeatKey.hash(topic, false, bytes, 0, bytes.length);
  }

  private static TopicState topic(String name, String attribute, String value) {
    return new TopicState(TopicConfig.of(name, 1).withAttribute(attribute, value), 1);
  }
}
