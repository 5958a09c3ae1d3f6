package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.sluice.app.load.ServerProcess;
import io.sluice.testkit.Await;
import io.sluice.testkit.LongForm;
import io.sluice.testkit.Servers;
import io.sluice.testkit.TestClient;
import io.vertx.core.json.JsonObject;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The files in conf/cluster and conf/replicated as they are, at the addresses and ports that stand
 * in them, so these have to be free; only the data goes elsewhere.
 */
class ExampleConfigurationsIT {

  private static final List<Integer> NODES = List.of(1, 2, 3);

  private static final List<Integer> PORTS =
      List.of(7800, 7801, 7802, 8080, 9876, 9878, 9879, 9880, 10909, 10911, 10912);

  /** What stands in the files. */
  private static final String SECRET = "change me, I am known to everybody";

  /** What a test needs is little; the machine that runs it may have little too. */
  private static final List<String> JVM =
      List.of("-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1");

  @TempDir Path directory;

  private final List<ServerProcess> running = new ArrayList<>();
  private Process script;

  @BeforeEach
  void needItsPorts() {
    for (int node : NODES) {
      for (int port : PORTS) {
        String why = whyNot(node, port);
        assumeTrue(why == null, why);
      }
    }
  }

  private static String whyNot(int node, int port) {
    try (ServerSocket probe = new ServerSocket(port, 1, InetAddress.getByName(address(node)))) {
      return null;
    } catch (IOException e) {
      return "the examples need " + address(node) + ":" + port + ": " + e.getMessage();
    }
  }

  @AfterEach
  void end() {
    running.forEach(ServerProcess::close);
    if (script != null) {
      script.descendants().forEach(ProcessHandle::destroyForcibly);
      script.destroyForcibly();
    }
  }

  @Test
  void shouldStartAClusterOfThreeByTheScriptAndStopIt() throws Exception {
    String jar = System.getProperty("sluice.jar");
    assumeTrue(jar != null, "scripts/cluster runs the jar");
    Path home = home(Path.of(jar).toAbsolutePath());
    Path output = directory.resolve("output");
    script =
        new ProcessBuilder(home.resolve("scripts/cluster").toString())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    Await.until(
        () -> "three Brokers: " + text(output) + logs(home),
        () -> brokers(1) == 3 && brokers(2) == 3 && brokers(3) == 3);
    for (int node : NODES) {
      client(node).get("/health/ready").expect(200);
      assertTrue(text(output).contains("node-" + node + ": ready"), text(output));
    }

    assertEquals(201, client(1).send("orders", "from one").status());
    Await.until("another receives it", () -> received(2, "orders").contains("from one"));

    List<ProcessHandle> servers = script.descendants().toList();
    assertTrue(servers.size() >= 3, servers::toString);
    script.destroy();
    assertTrue(script.waitFor(60, TimeUnit.SECONDS), "the script ends");
    assertEquals(0, script.exitValue(), text(output));
    Await.until("no server is left", () -> servers.stream().noneMatch(ProcessHandle::isAlive));
  }

  @LongForm
  @Test
  void shouldElectAMasterWithTheReplicatedExample() throws Exception {
    startReplicated();
    JsonObject[] broker = {new JsonObject()};
    Await.until(
        () -> "two slaves are in sync: " + broker[0].encode(),
        () -> {
          broker[0] = client(1).get("/v1/brokers/broker-a").json();
          return "master".equals(broker[0].getString("role"))
              && broker[0].getInteger("inSync") == 2;
        });
    String status = status();
    assertTrue(status.matches("(?s).*leader 127\\.0\\.1\\.[123]:9878.*"), status);
    assertEquals(1, status.split(" master ", -1).length - 1, status);
    assertEquals(2, status.split(" slave ", -1).length - 1, status);

    Await.until("a send is taken", () -> client(1).send("orders", "from one").status() == 201);
    Await.until("another receives it", () -> received(2, "orders").contains("from one"));
  }

  /** All at a time, as they wait for each other. */
  private void startReplicated() {
    List<CompletableFuture<ServerProcess>> starts =
        NODES.stream().map(node -> CompletableFuture.supplyAsync(() -> start(node))).toList();
    starts.forEach(start -> running.add(start.join()));
  }

  private ServerProcess start(int node) {
    List<String> arguments =
        List.of(
            "standalone",
            "--json",
            "--config",
            "conf/replicated/node-" + node + ".yaml",
            "--data",
            directory.resolve("replicated-" + node).toString());
    try {
      return Servers.run(
          ServerProcess.command(JVM, arguments), directory.resolve("node-" + node + ".log"));
    } catch (IOException e) {
      throw new IllegalStateException("node " + node + ": " + e.getMessage(), e);
    }
  }

  private static String status() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    PrintStream stream = new PrintStream(out, true, StandardCharsets.UTF_8);
    String members =
        String.join(",", NODES.stream().map(ExampleConfigurationsIT::address).toList());
    int code =
        new Cli(stream, stream, Map.of())
            .run(
                "controller",
                "status",
                "--controller-members",
                members,
                "--cluster-secret",
                SECRET);
    assertEquals(0, code, out::toString);
    return out.toString(StandardCharsets.UTF_8);
  }

  /** A place of its own with what the script needs, as data and logs go beside it. */
  private Path home(Path jar) throws IOException {
    Path home = Files.createDirectory(directory.resolve("home"));
    for (String folder : List.of("scripts", "conf", "conf/cluster")) {
      Files.createDirectories(home.resolve(folder));
      try (Stream<Path> files = Files.list(Path.of(folder))) {
        for (Path file : files.filter(Files::isRegularFile).toList()) {
          Files.copy(file, home.resolve(folder).resolve(file.getFileName()));
        }
      }
    }
    for (String script : List.of("cluster", "common")) {
      assertTrue(home.resolve("scripts").resolve(script).toFile().setExecutable(true), script);
    }
    Files.createDirectory(home.resolve("target"));
    Files.createSymbolicLink(home.resolve("target/sluice.jar"), jar);
    return home;
  }

  /** How many Brokers a node sees that take messages. */
  private static long brokers(int node) throws Exception {
    TestClient.Answer answer = client(node).get("/v1/cluster");
    return IntStream.range(0, answer.json().getJsonArray("brokers").size())
        .mapToObj(answer.json().getJsonArray("brokers")::getJsonObject)
        .filter(broker -> broker.getBoolean("writable", false))
        .count();
  }

  private static String received(int node, String topic) throws Exception {
    JsonObject wait = new JsonObject().put("wait", "1s");
    return client(node).post("/v1/groups/billing/topics/" + topic + "/receive", wait).body();
  }

  private static String text(Path file) {
    try {
      return Files.exists(file) ? Files.readString(file) : "";
    } catch (IOException e) {
      return e.toString();
    }
  }

  private static String logs(Path home) {
    return text(home.resolve("target/node-1.log"));
  }

  private static String address(int node) {
    return "127.0.1." + node;
  }

  private static TestClient client(int node) {
    return new TestClient(URI.create("http://" + address(node) + ":8080"));
  }
}
