package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.testkit.Await;
import io.sluice.testkit.TestClient;
import io.sluice.testkit.TestServer;
import io.sluice.testkit.TrustAll;
import io.vertx.core.json.JsonObject;
import java.io.InputStream;
import java.net.Socket;
import java.nio.file.Path;
import java.security.SecureRandom;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who may follow a master that has a secret. */
final class ReplicationSecretTest {

  private static final String BROKER = "/v1/brokers/broker-a";
  private static final String SECRET = "a secret of some length";

  @TempDir Path directory;

  @Test
  void shouldReplicateToASlaveThatHasTheSecretAndToNoOther() throws Exception {
    try (TestServer master = server("m", SECRET, "")) {
      String from = "127.0.0.1:" + master.sluice().replicationPort();
      TestClient client = new TestClient(master.uri());
      client.send("t", "before").expect(201);
      for (String wrong : new String[] {"", "another secret of some length"}) {
        try (TestServer stranger = server("s" + wrong.length(), wrong, from)) {
          String[] detail = {""};
          Await.until(
              () -> "the slave to say what is wrong: " + detail[0],
              () -> {
                detail[0] = info(stranger).getString("detail");
                return detail[0].contains("cluster.secret") || detail[0].contains("certificate");
              });
          assertEquals(0, info(stranger).getLong("maxPhysicalOffset"));
          assertEquals("no slave is connected", info(master).getString("detail"));
        }
      }
      try (TestServer slave = server("s", SECRET, from)) {
        Await.until("a slave in sync", () -> info(master).getInteger("inSync") == 1);
        client.send("t", "after", "Sluice-Ack", "replicated").expect(201);
        assertEquals(
            info(master).getLong("maxPhysicalOffset"), info(slave).getLong("maxPhysicalOffset"));
      }
    }
  }

  @Test
  void shouldSayNothingToAProgramWithoutTheSecret() throws Exception {
    try (TestServer master = server("m", SECRET, "")) {
      int port = master.sluice().replicationPort();
      try (Socket plain = new Socket("127.0.0.1", port)) {
        plain.getOutputStream().write(new byte[] {0, 0, 0, 5, 1, 0x53, 0x4c, 0x52, 0x50});
        byte[] answer = plain.getInputStream().readAllBytes();
        // An alert of TLS at most.
        assertTrue(answer.length <= 7, () -> "it said " + answer.length + " bytes");
      }
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(null, new TrustManager[] {new TrustAll()}, new SecureRandom());
      try (SSLSocket stranger =
          (SSLSocket) context.getSocketFactory().createSocket("127.0.0.1", port)) {
        InputStream in = stranger.getInputStream();
        stranger.getOutputStream().write(0);
        assertEquals(-1, read(in), "it has no certificate of the secret");
      }
    }
  }

  /** A connection that is refused ends, or is reset. */
  private static int read(InputStream in) {
    try {
      return in.read();
    } catch (java.io.IOException refused) {
      return -1;
    }
  }

  @Test
  void shouldNotStartWithASecretThatIsTooShort() {
    StartException refused =
        (StartException)
            Await.failure(
                "the start",
                Sluice.start(
                    new SluiceOptions()
                        .setHost("127.0.0.1")
                        .setAnyPorts()
                        .setDataDirectory(directory.resolve("m"))
                        .setClusterSecret("short")
                        .setReplication(new SluiceOptions().replication().withPort(0))));
    assertEquals(ExitCode.USAGE, refused.exitCode());
    assertTrue(refused.getMessage().contains("16"), refused.getMessage());
  }

  private TestServer server(String name, String secret, String from) {
    return TestServer.start(
        directory.resolve(name),
        options -> {
          ReplicationConfig replication = options.replication().withPort(0);
          return options
              .setClusterSecret(secret)
              .setReplication(from.isEmpty() ? replication : replication.following(from));
        });
  }

  private static JsonObject info(TestServer server) throws Exception {
    return new TestClient(server.uri()).get(BROKER).json();
  }
}
