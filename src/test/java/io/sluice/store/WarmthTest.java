package io.sluice.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What may be read on the owner's thread, and what has to be fetched first. */
final class WarmthTest {

  @TempDir Path directory;
  private StoreKit kit;

  @BeforeEach
  void openStore() {
    kit = new StoreKit(directory.resolve("store"));
    kit.options.warmBytes(20_000).warmTime(Duration.ofSeconds(5));
    kit.open();
    for (int i = 0; i < 1000; i++) {
      kit.append("orders", 0, "body " + i);
    }
  }

  @AfterEach
  void closeStore() {
    kit.close();
  }

  @Test
  void shouldBeWarmNearTheEndOfTheLogOnly() {
    assertTrue(isWarm(999, 1));
    assertTrue(isWarm(950, 50));
    assertFalse(isWarm(0, 10));
    assertFalse(isWarm(500, 10));
    assertTrue(isWarm(1000, 10), "nothing is there to be read");
  }

  @Test
  void shouldStayWarmForAWhileOnceFetched() {
    assertEquals(100, warm(0, 100, 1 << 20));
    assertTrue(isWarm(0, 100));
    assertTrue(isWarm(20, 30));
    assertFalse(isWarm(50, 100));
    kit.clock.advanceMs(6000);
    assertFalse(isWarm(0, 100));
  }

  @Test
  void shouldFetchNoMoreThanAskedFor() {
    int some = warm(0, 1000, 2000);
    assertTrue(some > 5 && some < 20, "fetched " + some);
    assertEquals(1, warm(0, 1000, 1), "at least one, or the reader would never get on");
    assertEquals(0, warm(1000, 10, 1000));
  }

  @Test
  void shouldBeColdAfterARestart() {
    kit.reopen();
    assertFalse(isWarm(999, 1));
    assertEquals(1, warm(999, 1, 1));
    assertTrue(isWarm(999, 1));
  }

  @Test
  void shouldRefuseOptionsOutOfTheirRange() {
    StoreOptions options = new StoreOptions();
    assertMessage("allowed is 4096 to 1073741824", () -> options.segmentBytes(1));
    assertMessage("multiple of 4096", () -> options.segmentBytes(5000));
    assertMessage("more than 0", () -> options.retentionAge(Duration.ZERO));
    assertMessage("allowed are 8", () -> options.storeHost(new byte[4]));
    options.segmentBytes(1 << 20).quotaBytes(1 << 20);
    assertMessage("quotaBytes to 3145728", options::conclude);
  }

  private static void assertMessage(String part, org.junit.jupiter.api.function.Executable call) {
    String message = assertThrows(IllegalArgumentException.class, call).getMessage();
    assertTrue(message.contains(part), message);
  }

  private boolean isWarm(long from, int count) {
    return kit.on(() -> kit.store.isWarm(kit.store.queue("orders", 0), from, count));
  }

  private int warm(long from, int count, long maxBytes) {
    return StoreKit.await(
        kit.on(() -> kit.store.warm(kit.store.queue("orders", 0), from, count, maxBytes, true)));
  }
}
