package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.sluice.app.load.ServerProcess;
import io.sluice.testkit.Servers;
import io.sluice.testkit.TestClient;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How the process starts and stops, and what it says and exits with when it can not start. */
class StartIT {

  @TempDir Path directory;

  @Test
  void shouldSayThatItIsReadyAndWhere() throws Exception {
    try (ServerProcess server = start()) {
      assertEquals(true, server.ready().getBoolean("ready"));
      for (String port : List.of("http", "nameserver", "broker")) {
        assertTrue(server.ready().getInteger(port) > 0, port);
      }
      assertTrue(server.ready().getLong("recoveredMs") >= 0);
      TestClient client = client(server);
      client.get("/health/ready").expect(200);
      client.send("t", "first").expect(201);
      String log = server.log();
      assertEquals(1, log.split("configuration: ", -1).length - 1, "logged once: " + log);
      assertTrue(log.contains("http.port=0 (flag --http-port)"), log);
    }
  }

  @Test
  void shouldStopAtSigtermAndComeBackWithEverything() throws Exception {
    try (ServerProcess server = start()) {
      client(server).send("t", "kept", "Sluice-Ack", "memory").expect(201);
      long beganNs = System.nanoTime();
      assertEquals(143, server.stop());
      long tookMs = (System.nanoTime() - beganNs) / 1_000_000;
      assertTrue(tookMs < 5_000, "the stop took " + tookMs + " ms");
    }
    try (ServerProcess server = start()) {
      String body = client(server).post("/v1/groups/g/topics/t/receive", none()).expect(200).body();
      assertTrue(body.contains("\"kept\""), body);
    }
  }

  @Test
  void shouldNameThePortThatIsInUse() throws Exception {
    for (String port : List.of("--http-port", "--nameserver-port", "--broker-port")) {
      try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
        String number = Integer.toString(taken.getLocalPort());
        ServerProcess.EndedException ended = refused("--host", "127.0.0.1", port, number);
        assertEquals(ExitCode.PORT_IN_USE.number(), ended.exitCode(), ended.getMessage());
        assertTrue(ended.getMessage().contains("127.0.0.1:" + number), ended.getMessage());
        assertTrue(ended.getMessage().contains(port), ended.getMessage());
      }
    }
  }

  @Test
  void shouldRefuseADirectoryThatAnotherProcessHas() throws Exception {
    try (ServerProcess first = start()) {
      ServerProcess.EndedException ended = refused();
      assertEquals(ExitCode.LOCKED.number(), ended.exitCode(), ended.getMessage());
      assertTrue(
          ended.getMessage().contains(Long.toString(first.process().pid())), ended.getMessage());
      client(first).send("t", "the first one goes on").expect(201);
    }
  }

  @Test
  void shouldRefuseADirectoryThatCanNotBeWrittenTo() throws Exception {
    // A file where the directory should be: that stops root as well, unlike its permissions.
    Path file = Files.createFile(directory.resolve("data"));
    ServerProcess.EndedException ended = refused();
    assertEquals(ExitCode.NOT_WRITABLE.number(), ended.exitCode(), ended.getMessage());
    assertTrue(ended.getMessage().contains(file.toString()), ended.getMessage());
  }

  @Test
  void shouldRefuseADirectoryOfANewerVersion() throws Exception {
    start().close();
    Files.writeString(directory.resolve("data").resolve("version"), "999");
    ServerProcess.EndedException ended = refused();
    assertEquals(ExitCode.NEWER_VERSION.number(), ended.exitCode(), ended.getMessage());
    assertTrue(ended.getMessage().contains("999"), ended.getMessage());
  }

  @Test
  void shouldBeASmallJar() throws IOException {
    long bytes = Files.size(Path.of(System.getProperty("sluice.jar")));
    assertTrue(bytes < 25_000_000, bytes + " bytes");
  }

  @Test
  void shouldRefuseADamagedLogUntilItIsToldToCutIt() throws Exception {
    try (ServerProcess server = start()) {
      TestClient client = client(server);
      for (int i = 0; i < 50; i++) {
        client.send("t", "message number " + i, "Sluice-Ack", "memory").expect(201);
      }
      server.kill();
    }
    Path log = directory.resolve("data").resolve("commitlog").resolve("0".repeat(20));
    damage(log, "message number 20");

    ServerProcess.EndedException ended = refused();
    assertEquals(ExitCode.DAMAGED.number(), ended.exitCode(), ended.getMessage());
    assertTrue(ended.getMessage().contains(log.getFileName().toString()), ended.getMessage());
    // What it says is what helps.
    Matcher wayOut = Pattern.compile("start with (--\\S+ \\S+) to cut").matcher(ended.getMessage());
    assertTrue(wayOut.find(), ended.getMessage());

    try (ServerProcess server =
        Servers.start(directory.resolve("data"), List.of(), wayOut.group(1).split(" "))) {
      String received =
          client(server)
              .post("/v1/groups/g/topics/t/receive", none().put("max", 100))
              .expect(200)
              .body();
      assertTrue(received.contains("message number 1\""), received);
      assertTrue(Files.isDirectory(directory.resolve("data").resolve("lost")), "what was cut");
    }
  }

  /** Changes one letter of a text that stands once in the file. */
  private static void damage(Path file, String text) throws IOException {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      ByteBuffer start = ByteBuffer.allocate(1 << 20);
      channel.read(start, 0);
      String content = new String(start.array(), StandardCharsets.ISO_8859_1);
      int at = content.indexOf(text);
      assertTrue(at > 0, text + " is in " + file);
      channel.write(ByteBuffer.wrap(new byte[] {'?'}), at);
    }
  }

  @Test
  void shouldRunEachRoleAlone() throws Exception {
    for (String role : List.of("nameserver", "broker", "gateway")) {
      List<String> arguments =
          List.of(
              role,
              "--json",
              "--data",
              directory.resolve(role).toString(),
              "--http-port",
              "0",
              "--nameserver-port",
              "0",
              "--broker-port",
              "0");
      try (ServerProcess server =
          Servers.run(
              ServerProcess.command(List.of(), arguments), directory.resolve(role + ".log"))) {
        String port = role.equals("gateway") ? "http" : role;
        assertTrue(server.ready().getInteger(port) > 0, server.ready()::encode);
        assertEquals(role.equals("broker") ? 3 : 2, server.ready().size(), server.ready()::encode);
        assertEquals(143, server.stop());
      }
    }
  }

  @Test
  void shouldNameWhatIsWrongInTheConfiguration() throws Exception {
    Path file = Files.writeString(directory.resolve("wrong.yaml"), "http:\n  prot: 8080\n");
    ServerProcess.EndedException ended = refused("--config", file.toString());
    assertEquals(ExitCode.USAGE.number(), ended.exitCode(), ended.getMessage());
    assertTrue(
        ended.getMessage().contains(file + ":2: there is no key 'http.prot'; did you mean"),
        ended.getMessage());
  }

  @Test
  void shouldSayDiskFullAndGoOnWhenThereIsRoomAgain() throws Exception {
    Path disk = Files.createDirectory(directory.resolve("disk"));
    assumeTrue(
        run("mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", disk.toString()) == 0,
        "a small disk can be mounted by root on Linux only");
    try {
      fillTheDisk(disk);
    } finally {
      run("umount", disk.toString());
    }
  }

  private static void fillTheDisk(Path disk) throws Exception {
    Path ballast = disk.resolve("ballast");
    Files.write(ballast, new byte[12 << 20]);
    try (ServerProcess server =
        Servers.start(
            disk.resolve("data"),
            List.of("-Xmx64m"),
            "--store-segment",
            "1m",
            "--store-min-free",
            "0")) {
      TestClient client = client(server);
      String body = "x".repeat(60_000);
      int sent = 0;
      TestClient.Answer answer = client.send("t", body);
      while (answer.status() == 201) {
        sent++;
        assertTrue(sent < 1_000, "the disk is full by now");
        answer = client.send("t", body);
      }
      assertEquals(507, answer.status(), answer.body());
      assertEquals("DISK_FULL", answer.json().getString("code"));
      String received = client.post("/v1/groups/g/topics/t/receive", none()).expect(200).body();
      assertTrue(received.contains(body), "reading goes on");
      Files.delete(ballast);
      io.sluice.testkit.Await.until(
          "sends go on by themselves", () -> client.send("t", body).status() == 201);
    }
  }

  private static int run(String... command) throws IOException, InterruptedException {
    try {
      return new ProcessBuilder(command)
          .redirectErrorStream(true)
          .redirectOutput(ProcessBuilder.Redirect.DISCARD)
          .start()
          .waitFor();
    } catch (IOException e) {
      return -1;
    }
  }

  private static io.vertx.core.json.JsonObject none() {
    return new io.vertx.core.json.JsonObject();
  }

  private ServerProcess start() throws IOException {
    return Servers.start(directory.resolve("data"), List.of());
  }

  private ServerProcess.EndedException refused(String... arguments) {
    return assertThrows(
        ServerProcess.EndedException.class,
        () -> Servers.start(directory.resolve("data"), List.of(), arguments).close());
  }

  private static TestClient client(ServerProcess server) {
    return new TestClient(URI.create(server.url()));
  }
}
