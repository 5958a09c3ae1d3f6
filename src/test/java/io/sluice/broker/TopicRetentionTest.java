package io.sluice.broker;

import static io.sluice.broker.BrokerKit.awaitEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.sluice.bus.AdminRequest.GetTopic;
import io.sluice.bus.AdminRequest.PutTopic;
import io.sluice.bus.AdminRequest.Topic;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.bus.TopicConfig;
import io.sluice.testkit.ManualClock;
import io.vertx.core.eventbus.ReplyException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A topic that keeps its messages for a shorter time than the store. */
@Timeout(60)
class TopicRetentionTest {

  private static final long HOUR_MS = Duration.ofHours(1).toMillis();

  @TempDir Path directory;
  private final ManualClock clock = new ManualClock(1_700_000_000_000L);
  private BrokerKit kit;

  @BeforeEach
  void start() throws Exception {
    kit = new BrokerKit(directory);
    kit.clock = clock;
    kit.options.getStore().retentionInterval(Duration.ofMillis(20));
    kit.start();
    put("news", HOUR_MS);
  }

  @AfterEach
  void close() throws Exception {
    kit.close();
  }

  @Test
  void shouldLetGoWhatIsOlderAndKeepTheRest() throws Exception {
    kit.send("news", "a", "b", "c", "d", "e");
    kit.send("orders", "for long");
    clock.advanceMs(HOUR_MS / 2);
    kit.send("news", "f");
    clock.advanceMs(HOUR_MS / 2 + 1);
    awaitEquals(1L, () -> kept("news"));
    assertEquals(1, kept("orders"));
    assertEquals(List.of("f"), BrokerKit.bodies(kit.receive("g", "news", 10)));
    kit.restart();
    awaitEquals(1L, () -> kept("news"));
    assertEquals(List.of("f"), BrokerKit.bodies(kit.receive("other", "news", 10)));
  }

  @Test
  void shouldLetAGroupGoOnBehindWhatItWasGivenAndHadNoTimeFor() throws Exception {
    kit.send("news", "a", "b");
    assertEquals(2, kit.receive("g", "news", 10).size());
    clock.advanceMs(HOUR_MS + 1);
    awaitEquals(0L, () -> kept("news"));
    kit.send("news", "c");
    assertEquals(List.of("c"), BrokerKit.bodies(kit.receive("g", "news", 10)));
  }

  @Test
  void shouldRefuseALongerTimeThanTheStoreKeepsAnything() {
    SluiceException refused =
        SluiceException.of(
            assertThrows(ReplyException.class, () -> put("news", Duration.ofDays(30).toMillis())));
    assertEquals(ErrorCode.INVALID_ARGUMENT, refused.code());
    assertEquals(
        "retention: found 30d, allowed is at most 3d, the Broker's store.retention; raise that"
            + " first",
        refused.getMessage());
  }

  private void put(String topic, long retentionMs) throws Exception {
    kit.admin(
        new PutTopic(
            new TopicConfig(
                topic, 2, TopicConfig.READ | TopicConfig.WRITE, false, retentionMs, Map.of())));
  }

  private long kept(String topic) throws Exception {
    Topic described = kit.admin(new GetTopic(topic));
    return Arrays.stream(described.maxOffsets()).sum()
        - Arrays.stream(described.minOffsets()).sum();
  }
}
