package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * An application on RocketMQ's Spring Boot starter, as a process of its own with the starter's own
 * client. It is built by {@code mvn -f src/test/spring/pom.xml process-classes}, as scripts/test
 * does.
 */
class RocketMqSpringIT {

  private static final Path BUILT = Path.of("target", "spring");

  @TempDir Path directory;

  @Test
  void shouldServeAnApplicationOnTheSpringBootStarter() throws Exception {
    assumeTrue(Files.isDirectory(BUILT.resolve("jars")), "the application is not built");
    try (InteropTarget target = new InteropTarget();
        RocketMqClients clients = new RocketMqClients(target.nameServer())) {
      DefaultMQProducer producer = clients.producer("spring-it");
      for (String topic : List.of("orders", "objects", "ordered", "news", "asks", "deals")) {
        // A consumer of a topic that is not there yet looks for it again after 30 s only.
        producer.createTopic("TBW102", "spring-" + topic, 4, Map.of());
        producer.createTopic("TBW102", "%RETRY%spring-" + topic + "-group", 1, Map.of());
      }
      Map<String, String> results = run(target.nameServer());
      assertEquals("SEND_OK", results.get("sync"));
      assertEquals("SEND_OK", results.get("async"));
      assertEquals("SEND_OK", results.get("batch"));
      assertEquals("SEND_OK COMMIT_MESSAGE", results.get("tx COMMIT"));
      assertEquals("SEND_OK ROLLBACK_MESSAGE", results.get("tx ROLLBACK"));
      assertEquals("SEND_OK UNKNOW", results.get("tx UNKNOWN"));
      assertEquals("answer to why", results.get("reply"));
      assertEquals("true", results.get("delayedLate"));
      assertEquals(
          "[async, batch 1, batch 2, delayed, fails once again, oneway, sync]",
          results.get("got orders"));
      assertEquals("[fails once]", results.get("got failed"));
      assertEquals("[dear50]", results.get("got objects"));
      assertEquals(
          IntStream.range(0, 20).mapToObj(i -> "o" + i).collect(Collectors.joining(", ", "[", "]")),
          results.get("got ordered"));
      assertEquals("[news]", results.get("got news"));
      assertEquals("[deal COMMIT, deal UNKNOWN]", results.get("got deals"));
      assertEquals("[deal UNKNOWN]", results.get("got checked"));
    }
  }

  private Map<String, String> run(String nameServer) throws IOException, InterruptedException {
    Path output = directory.resolve("output");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "-Duser.home=" + directory.toAbsolutePath(),
                "-cp",
                BUILT.resolve("classes") + File.pathSeparator + BUILT.resolve("jars") + "/*",
                "io.sluice.spring.SpringScenario",
                "--spring.main.web-application-type=none",
                "--rocketmq.name-server=" + nameServer,
                "--rocketmq.producer.group=spring-producers",
                "--rocketmq.producer.send-message-timeout=10000")
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    if (!process.waitFor(180, TimeUnit.SECONDS)) {
      process.destroyForcibly().waitFor();
    }
    Map<String, String> results = new TreeMap<>();
    String text = Files.readString(output);
    for (String line : text.split("\n")) {
      if (line.startsWith("RESULT ")) {
        for (String each : line.substring("RESULT ".length()).split(";")) {
          results.put(each.substring(0, each.indexOf('=')), each.substring(each.indexOf('=') + 1));
        }
      }
    }
    assertEquals(0, process.exitValue(), text);
    return results;
  }
}
