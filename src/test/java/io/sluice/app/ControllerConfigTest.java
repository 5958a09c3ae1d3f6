package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.testkit.Await;
import io.sluice.testkit.LogLines;
import io.sluice.testkit.TestClient;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How many controllers there are. */
class ControllerConfigTest {

  @TempDir Path directory;

  @Test
  void shouldTakeThreeOrMoreOfAnOddNumberWithoutAWord() {
    for (int count : new int[] {0, 3, 5, 7}) {
      assertNull(of(count).warning(), count + " controllers");
    }
  }

  @Test
  void shouldSayWhatIsWrongWithFewerOrAnEvenNumber() {
    for (int count : new int[] {1, 2}) {
      String warning = of(count).warning();
      assertTrue(warning.contains("names " + count), warning);
      assertTrue(warning.endsWith("name 3, so that 1 may be"), warning);
    }
    assertEquals(
        "controller.members names 4: only 1 of them may be away, as of 3; name 5, so that 2 may be",
        of(4).warning());
  }

  @Test
  void shouldRefuseAControllerThatIsNamedTwice() {
    IllegalArgumentException refused =
        assertThrows(
            IllegalArgumentException.class,
            () -> config(List.of("one:9878", "two:9878", "one:9878"), "one"));
    assertTrue(refused.getMessage().contains("'one:9878' twice"), refused.getMessage());
  }

  @Test
  void shouldElectWithASingleControllerAndWarnInOneLine() throws Exception {
    String host = "127." + ThreadLocalRandom.current().nextInt(10, 250) + ".5.1";
    SluiceOptions options =
        new SluiceOptions().setHost(host).setAnyPorts().setDataDirectory(directory.resolve("data"));
    options.store().segmentBytes(1 << 20);
    options.setReplication(options.replication().withPort(10_912));
    options.setControllers(config(List.of(host + ":9878"), host));
    try (LogLines log = new LogLines(Sluice.class)) {
      Sluice sluice = Await.result("the start", Sluice.start(options));
      TestClient client = new TestClient(URI.create("http://" + host + ":" + sluice.httpPort()));
      Await.until("it is the master", () -> client.send("t", "taken").status() == 201);
      Await.result("the end", sluice.close());
      assertEquals(
          1,
          log.lines().stream().filter(line -> line.contains("controller.members names 1")).count(),
          log.lines()::toString);
    }
  }

  private static ControllerConfig of(int count) {
    return config(
        IntStream.rangeClosed(1, count).mapToObj(number -> "c" + number + ":9878").toList(), "c1");
  }

  private static ControllerConfig config(List<String> members, String host) {
    return new ControllerConfig(members, true, host, 9_878, Duration.ofSeconds(2));
  }
}
