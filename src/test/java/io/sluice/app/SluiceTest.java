package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.testkit.Await;
import io.sluice.testkit.Leaks;
import io.sluice.testkit.TestClient;
import io.sluice.testkit.TestServer;
import io.vertx.core.json.JsonObject;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A server embedded in the JVM of somebody else. */
class SluiceTest {

  @TempDir Path directory;

  @Test
  void shouldRunManyServersInOneJvm() throws Exception {
    List<TestServer> servers = new ArrayList<>();
    try {
      for (int i = 0; i < 3; i++) {
        servers.add(TestServer.start(directory.resolve("data-" + i)));
      }
      for (int i = 0; i < 3; i++) {
        new TestClient(servers.get(i).uri()).send("t", "to server " + i).expect(201);
      }
      for (int i = 0; i < 3; i++) {
        String received = receive(new TestClient(servers.get(i).uri()));
        assertTrue(received.contains("to server " + i), received);
      }
    } finally {
      servers.forEach(TestServer::close);
    }
  }

  @Test
  void shouldHaveEverythingAfterAStopAndAStart() throws Exception {
    Path data = directory.resolve("data");
    try (TestServer server = TestServer.start(data)) {
      new TestClient(server.uri()).send("t", "kept", "Sluice-Ack", "memory").expect(201);
    }
    try (TestServer server = TestServer.start(data)) {
      assertTrue(receive(new TestClient(server.uri())).contains("kept"));
    }
  }

  /** Also with a loop for each of them, as where there are more processors. */
  @Test
  void shouldRunWithAnyNumberOfEventLoops() throws Exception {
    for (int loops : new int[] {1, 2, 3}) {
      SluiceOptions options = options(directory.resolve("loops-" + loops)).setEventLoops(loops);
      Sluice sluice = Await.result("start", Sluice.start(options));
      try {
        TestClient client = new TestClient(URI.create("http://127.0.0.1:" + sluice.httpPort()));
        client.send("t", "with " + loops).expect(201);
        assertTrue(receive(client).contains("with " + loops));
      } finally {
        Await.result("close", sluice.close());
      }
    }
  }

  @Test
  void shouldLeaveNothingBehindWhenAPortIsInUse() throws Exception {
    Path data = directory.resolve("data");
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      SluiceOptions options = options(data).setHttpPort(taken.getLocalPort());
      Throwable failure = Await.failure("a start at a port in use", Sluice.start(options));
      StartException refused = assertInstanceOf(StartException.class, failure);
      assertEquals(ExitCode.PORT_IN_USE, refused.exitCode());
    }
    Leaks.awaitNone(data);
    // What was opened before the port is free again.
    Sluice sluice = Await.result("a start at another port", Sluice.start(options(data)));
    Await.result("its end", sluice.close());
  }

  @Test
  void shouldRefuseADirectoryOfAnotherServerOfTheSameJvm() {
    Path data = directory.resolve("data");
    try (TestServer server = TestServer.start(data)) {
      Throwable failure = Await.failure("a second start", Sluice.start(options(data)));
      assertEquals(
          ExitCode.LOCKED,
          assertInstanceOf(StartException.class, failure).exitCode(),
          server::toString);
    }
  }

  @Test
  void shouldCloseOnceHoweverOftenItIsAsked() {
    Sluice sluice = Await.result("the start", Sluice.start(options(directory.resolve("data"))));
    Await.result("the first close", sluice.close());
    Await.result("the second close", sluice.close());
    assertTrue(Files.isDirectory(directory.resolve("data")));
  }

  private static SluiceOptions options(Path data) {
    return new SluiceOptions().setHost("127.0.0.1").setAnyPorts().setDataDirectory(data);
  }

  private static String receive(TestClient client) throws Exception {
    return client
        .post("/v1/groups/g/topics/t/receive", new JsonObject().put("wait", "10s"))
        .expect(200)
        .body();
  }
}
