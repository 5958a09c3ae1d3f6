package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.testkit.Await;
import io.sluice.testkit.CuttingProxy;
import io.sluice.testkit.TestServer;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.auth.PubSecKeyOptions;
import io.vertx.ext.auth.jwt.JWTAuth;
import io.vertx.ext.auth.jwt.JWTAuthOptions;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command line as people and scripts use it, against a server in this JVM. */
class CliTest {

  @TempDir static Path directory;

  private static TestServer server;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  @BeforeAll
  static void start() {
    server = TestServer.start(directory.resolve("data"));
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  @Test
  void shouldSendAndConsume() {
    assertEquals(0, run("send", "one", "hello"));
    assertTrue(out().startsWith("sent ") && out().contains(" to one, queue "), out());

    assertEquals(0, run("consume", "one", "--group", "g", "--max", "1"));
    assertEquals("hello\n", out());

    assertEquals(
        ExitCode.TIMED_OUT.number(),
        run("consume", "one", "--group", "g", "--max", "1", "--wait", "200ms"),
        "it was acked");
  }

  @Test
  void shouldCarryWhatBelongsToAMessage() {
    assertEquals(
        0,
        run(
            "send",
            "full",
            "body",
            "--tag",
            "paid",
            "--key",
            "k1",
            "--key",
            "k2",
            "--ordering-key",
            "o",
            "--property",
            "p=v",
            "--ack",
            "memory",
            "--json"));
    assertEquals("memory", new JsonObject(out()).getString("ack"));

    assertEquals(0, run("consume", "full", "--from", "earliest", "--max", "1", "--json"));
    JsonObject message = new JsonObject(out());
    assertEquals("body", message.getString("body"));
    assertEquals("paid", message.getString("tag"));
    assertEquals(List.of("k1", "k2"), message.getJsonArray("keys").getList());
    assertEquals("v", message.getJsonObject("properties").getString("p"));
  }

  @Test
  void shouldSendEachLine() {
    InputStream before = System.in;
    System.setIn(new ByteArrayInputStream("a\nb\nc\n".getBytes(StandardCharsets.UTF_8)));
    try {
      assertEquals(0, run("send", "lines", "--lines", "--ordering-key", "same"));
    } finally {
      System.setIn(before);
    }
    assertEquals("sent 3 messages to lines\n", out());

    assertEquals(0, run("consume", "lines", "--group", "g", "--until-idle"));
    assertEquals("a\nb\nc\n", out());
  }

  @Test
  void shouldLookAfterTopics() {
    assertEquals(0, run("topic", "put", "topical", "--queues", "3"));
    assertEquals(0, run("topic", "show", "topical", "--json"));
    assertEquals(3, new JsonObject(out()).getInteger("queues"));
    assertEquals(0, run("topic", "list"));
    assertTrue(out().contains("topical  3"), out());
    assertEquals(0, run("topic", "delete", "topical"));
    assertEquals("deleted topical\n", out());
    assertEquals(ExitCode.REFUSED.number(), run("topic", "show", "topical"));
    assertTrue(err().contains("TOPIC_NOT_FOUND"), err());
  }

  @Test
  void shouldLookAfterGroups() {
    assertEquals(0, run("send", "grouped", "one"));
    assertEquals(0, run("group", "put", "gg", "--max-attempts", "3", "--retry-delays", "1s,1m"));
    assertEquals(0, run("group", "show", "gg", "--json"));
    assertEquals(3, new JsonObject(out()).getInteger("maxAttempts"));
    assertEquals(0, run("group", "list"));
    assertTrue(out().contains("gg"), out());
    assertEquals(0, run("consume", "grouped", "--group", "gg", "--max", "1"));
    assertEquals(0, run("group", "lag", "gg"));
    assertEquals(0, run("group", "position", "gg", "grouped", "--to", "earliest"));
    assertEquals(0, run("consume", "grouped", "--group", "gg", "--max", "1"));
    assertEquals("one\n", out());
    int queue = get("/v1/groups/gg/lag?detail=true").getJsonArray("queues").size();
    assertEquals(8, queue);
    assertEquals(0, run("group", "seek", "gg", "grouped", "--to", "latest"));
    assertEquals(ExitCode.REFUSED.number(), run("group", "seek", "gg", "grouped", "--to", "0=99"));
    assertTrue(err().contains("OFFSET_OUT_OF_RANGE"), err());
    assertEquals(0, run("group", "seek", "gg", "grouped", "--to", "0=0,1=0,2=0,3=0"));
    assertEquals(0, run("group", "delete", "gg"));
    assertEquals(ExitCode.REFUSED.number(), run("group", "show", "gg"));
  }

  @Test
  void shouldLookAfterDeadLetters() {
    assertEquals(0, run("group", "put", "dying", "--max-attempts", "1"));
    assertEquals(0, run("send", "deadly", "one", "--tag", "a"));
    assertEquals(0, run("send", "deadly", "two", "--tag", "b"));
    JsonObject received = ask("/v1/groups/dying/topics/deadly/receive", "{}");
    JsonArray nacks = new JsonArray();
    for (Object message : received.getJsonArray("messages")) {
      String receipt = ((JsonObject) message).getString("receipt");
      nacks.add(new JsonObject().put("receipt", receipt).put("reason", "out of stock"));
    }
    ask("/v1/groups/dying/settle", new JsonObject().put("nack", nacks).encode());
    assertEquals(0, run("group", "dead-letters", "list", "dying"));
    assertTrue(out().contains("deadly  1         attempts  out of stock"), out());
    assertEquals(0, run("group", "dead-letters", "list", "dying", "--tag", "b", "--json"));
    assertEquals("two", new JsonObject(out()).getString("body"));
    assertEquals(0, run("group", "dead-letters", "redrive", "dying", "--tag", "a"));
    assertEquals("redriven 1, 1 dead letters left (done)\n", out());
    assertEquals(0, run("consume", "deadly", "--group", "dying", "--max", "1"));
    assertEquals("one\n", out());
    assertEquals(0, run("group", "dead-letters", "purge", "dying"));
    assertEquals("purged 1, 0 dead letters left (done)\n", out());
    assertEquals(0, run("group", "dead-letters", "status", "dying", "--json"));
    assertEquals(0, new JsonObject(out()).getInteger("waiting"));
    assertEquals(ExitCode.REFUSED.number(), run("group", "dead-letters", "cancel", "dying"));
    assertEquals(0, run("group", "dead-letters", "--help"));
    assertTrue(out().contains("Examples:"), out());
  }

  private static JsonObject get(String path) {
    try (ServerClient client = new ServerClient(server.uri(), null)) {
      return client.get(path).json();
    }
  }

  private static JsonObject ask(String path, String body) {
    try (ServerClient client = new ServerClient(server.uri(), null)) {
      return client
          .call(
              HttpMethod.POST,
              path,
              Map.of("Content-Type", "application/json"),
              Buffer.buffer(body))
          .json();
    }
  }

  @Test
  void shouldSayWhatIsWrongAndExitSo() {
    assertEquals(ExitCode.USAGE.number(), run("sned", "t", "x"));
    assertTrue(err().contains("did you mean send"), err());
    assertEquals(ExitCode.USAGE.number(), run("--http-prot", "1"));
    assertTrue(err().contains("did you mean --http-port"), err());
    assertEquals(ExitCode.USAGE.number(), run("send"));
    assertEquals(ExitCode.REFUSED.number(), run("send", "not a topic!", "x"));
    assertTrue(err().contains("INVALID_TOPIC"), err());
    assertEquals(
        ExitCode.UNREACHABLE.number(), run("send", "t", "x", "--server", "http://127.0.0.1:1"));
    assertTrue(err().contains("no server answers at http://127.0.0.1:1"), err());
  }

  @Test
  void shouldHaveHelpWithExamplesForEveryCommand() {
    for (String command :
        List.of(
            "standalone",
            "nameserver",
            "broker",
            "gateway",
            "send",
            "consume",
            "topic",
            "group",
            "bench",
            "version")) {
      assertEquals(0, run(command, "--help"), command);
      assertTrue(out().contains("Examples:"), command + " has examples: " + out());
      assertTrue(out().contains("sluice " + command), command + ": " + out());
    }
    assertEquals(0, run("--help"));
    assertTrue(out().contains("consume"), out());
  }

  @Test
  void shouldSayItsVersion() {
    assertEquals(0, run("version"));
    assertTrue(out().matches("sluice \\d+\\.\\d+\\.\\d+.* on .*\n"), out());
    assertEquals(0, run("version", "--json"));
    assertTrue(new JsonObject(out()).containsKey("version"), out());
  }

  @Test
  void shouldShowEveryKeyInTheHelpOfTheServer() {
    PrintStream before = System.err;
    System.setErr(stream(err));
    try {
      assertEquals(0, run("standalone", "--help"));
    } finally {
      System.setErr(before);
    }
    assertEquals("", err(), "the library that writes it has nothing to complain about");
    assertTrue(out().contains("0 for 40 % of"), out());
    ConfigTable.names()
        .forEach(key -> assertTrue(out().contains(ConfigTable.find(key).get().flag())));
  }

  @Test
  void shouldSayWhoAsks() throws Exception {
    Path key = Files.writeString(directory.resolve("key"), "a secret that is long enough to sign");
    Map<String, String> configured =
        Map.of("SLUICE_HTTP_TOKEN_KEY", key.toString(), "SLUICE_DATA", directory + "/tokens");
    SluiceOptions options = new SluiceOptions(ConfigSources.load(null, configured, Map.of()));
    Sluice guarded = Sluice.start(options.setHost("127.0.0.1").setAnyPorts()).await();
    try {
      String[] command = {"topic", "list", "--server", "127.0.0.1:" + guarded.httpPort()};
      assertEquals(ExitCode.REFUSED.number(), run(command));
      assertTrue(err().contains("UNAUTHENTICATED"), err());
      JWTAuthOptions signer =
          new JWTAuthOptions()
              .addPubSecKey(
                  new PubSecKeyOptions().setAlgorithm("HS256").setBuffer(Files.readString(key)));
      String token =
          JWTAuth.create(guarded.vertx(), signer)
              .generateToken(new JsonObject().put("scope", "monitor"));
      String[] known = Arrays.copyOf(command, command.length + 2);
      known[command.length] = "--token";
      known[command.length + 1] = token;
      assertEquals(0, run(known), err());
      assertEquals(
          0, new Cli(stream(out), stream(err), Map.of("SLUICE_TOKEN", token)).run(command), err());
      String sender =
          JWTAuth.create(guarded.vertx(), signer)
              .generateToken(new JsonObject().put("scope", "admin send receive"));
      String[] sameServer = {"--server", command[3], "--token", sender};
      String[] quick = {"--warm-up", "100ms", "--measure", "200ms", "--rate", "100"};
      assertEquals(0, run(join(sameServer, quick, "bench", "latency-ws")), err() + out());
      assertTrue(out().contains("latency-ws"), out());
      assertEquals(0, run(join(sameServer, quick, "bench", "send-memory", "--json")), err());
      assertEquals(0, new JsonObject(out()).getInteger("failed"), out());
      String[] little = {"--scale", "0.1", "--rates", "0.1"};
      assertEquals(0, run(join(sameServer, little, "demo", "decouple")), err() + out());
      assertEquals(0, run(join(sameServer, little, "demo", "consistency")), err() + out());
    } finally {
      guarded.close().await();
    }
  }

  @Test
  void shouldEndWhereTheServerIsGoneThoughTheConnectionIsNot() throws Exception {
    assertEquals(0, run("send", "lost", "first"));
    try (CuttingProxy proxy = new CuttingProxy("127.0.0.1", server.uri().getPort(), 1)) {
      String address = "127.0.0.1:" + proxy.port();
      CompletableFuture<Integer> code =
          CompletableFuture.supplyAsync(
              () -> run("consume", "lost", "--group", "g", "--server", address, "--ping", "100ms"));
      Await.until("the first message is shown", () -> out().equals("first\n"));
      proxy.fallSilent();
      assertEquals(ExitCode.UNREACHABLE.number(), code.get(10, TimeUnit.SECONDS));
    }
    assertTrue(err().contains("no ping for 3 times 100ms"), err());
  }

  @Test
  void shouldRefuseToMakeLoadOverTls() {
    for (String[] command : new String[][] {{"demo", "decouple"}, {"bench", "send-memory"}}) {
      assertEquals(
          ExitCode.USAGE.number(),
          run(command[0], command[1], "--server", "https://127.0.0.1:" + server.uri().getPort()));
      assertTrue(err().contains("plain HTTP only"), err());
    }
  }

  private int run(String... args) {
    out.reset();
    err.reset();
    Map<String, String> environment = Map.of("SLUICE_SERVER", server.uri().toString());
    return new Cli(stream(out), stream(err), environment).run(args);
  }

  private static String[] join(String[] server, String[] flags, String... command) {
    return Stream.of(command, server, flags).flatMap(Arrays::stream).toArray(String[]::new);
  }

  private static PrintStream stream(ByteArrayOutputStream bytes) {
    return new PrintStream(bytes, true, StandardCharsets.UTF_8);
  }

  private String out() {
    return out.toString(StandardCharsets.UTF_8);
  }

  private String err() {
    return err.toString(StandardCharsets.UTF_8);
  }
}
