package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.app.ClientHistory.Place;
import io.sluice.testkit.TestClient;
import io.sluice.testkit.TestServer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class StoredLogTest {

  private static final int SEGMENT_BYTES = 1 << 20;

  @TempDir Path directory;

  @Test
  void shouldFindMessagesAndEpochsInTheFilesOfAServer() throws Exception {
    Path data = directory.resolve("data");
    long end;
    try (TestServer server =
        TestServer.start(
            data, options -> options.setReplication(options.replication().withPort(0)))) {
      TestClient client = new TestClient(server.uri());
      for (int i = 0; i < 30; i++) {
        client.send("t", "x".repeat(100_000), "Sluice-Ordering-Key", "one").expect(201);
      }
      end = client.get("/v1/brokers/broker-a").json().getLong("maxPhysicalOffset");
    }
    StoredLog log = new StoredLog(data, SEGMENT_BYTES);
    Map<Place, Long> places = log.places("t", end);
    assertEquals(30, places.size());
    assertTrue(places.values().stream().anyMatch(at -> at > 2 * SEGMENT_BYTES), places::toString);
    assertEquals(List.of(new StoredLog.Epoch(1, 0)), log.epochs());
  }

  @Test
  void shouldNameTheFirstByteThatDiffers() throws IOException {
    StoredLog one = log("one", 0, 1, 2);
    StoredLog other = log("other", 0, 1, 2);
    one.compare(other, 2 * SEGMENT_BYTES + 100);
    put(directory.resolve("other"), 2, 99);
    AssertionError differs =
        assertThrows(AssertionError.class, () -> one.compare(other, 2 * SEGMENT_BYTES + 100));
    assertTrue(
        differs.getMessage().endsWith("offset " + (2 * SEGMENT_BYTES + 99)), differs::toString);
    one.compare(other, 2 * SEGMENT_BYTES + 99);
  }

  @Test
  void shouldMissASegmentThatTheCopyLacks() throws IOException {
    StoredLog one = log("one", 0, 1, 2);
    for (StoredLog other : List.of(log("begin", 1, 2), log("hole", 0, 2), log("end", 0, 1))) {
      assertThrows(AssertionError.class, () -> one.compare(other, 2 * SEGMENT_BYTES + 1));
    }
    log("end", 0, 1).compare(one, 2 * SEGMENT_BYTES);
    assertThrows(AssertionError.class, () -> one.compare(one, 4 * SEGMENT_BYTES));
  }

  @Test
  void shouldLetACopyHaveGivenUpItsOldestSegments() throws IOException {
    StoredLog one = log("one", 0, 1, 2);
    one.compareWhatIsKept(log("begin", 1, 2), 2 * SEGMENT_BYTES + 1);
    for (StoredLog other : List.of(log("hole", 0, 2), log("end", 0, 1), log("none"))) {
      assertThrows(AssertionError.class, () -> one.compareWhatIsKept(other, 2 * SEGMENT_BYTES + 1));
    }
  }

  @Test
  void shouldLetACopyHaveWhatHasExpired() throws IOException {
    log("one", 1, 2).compare(log("other", 0, 1, 2), 2 * SEGMENT_BYTES + 1);
  }

  private StoredLog log(String name, int... segments) throws IOException {
    Path data = directory.resolve(name);
    Files.createDirectories(data.resolve("commitlog"));
    for (int segment : segments) {
      put(data, segment, SEGMENT_BYTES - 1);
    }
    return new StoredLog(data, SEGMENT_BYTES);
  }

  private static void put(Path data, int segment, int position) throws IOException {
    Path file = data.resolve("commitlog").resolve(String.format("%020d", segment * SEGMENT_BYTES));
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.wrap(new byte[] {1}), position);
    }
  }
}
