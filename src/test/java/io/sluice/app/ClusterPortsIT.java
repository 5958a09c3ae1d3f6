package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.cluster.ClusterOptions;
import io.sluice.cluster.ClusterTls;
import io.sluice.testkit.Await;
import io.sluice.testkit.LongForm;
import io.sluice.testkit.TestClient;
import io.sluice.testkit.TrustAll;
import io.vertx.core.json.JsonObject;
import io.vertx.core.net.PfxOptions;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: who does not have the secret gets past the handshake at no port of the cluster, and does
 * not hinder those that have it. Method: three processes with all parts and a secret; at each port
 * of one of them a stranger knocks in plain bytes, by TLS without a certificate, and with that of
 * another secret, and holds connections on which it says nothing, while another member dies and
 * comes back.
 */
class ClusterPortsIT {

  private static final String SECRET = "a-secret-of-32-characters-length";
  private static final String OTHER = "another-secret-of-some-more-length";

  private static final List<String> NAMES = List.of("standalone-1", "standalone-2", "standalone-3");

  /** HTTP and RocketMQ's clients: not the cluster's, and so not under its secret. */
  private static final Set<Integer> OPEN = Set.of(8080, 9876, 10909, 10911);

  /** As docs/operations.md has them: membership, event bus, liveness, slaves, controllers. */
  private static final Set<Integer> CLOSED = Set.of(7800, 7801, 7802, 10912, 9878, 9879, 9880);

  /** Enough for an alert to arrive; only where none is expected anything waits for so long. */
  private static final int SILENCE_MS = 1_000;

  private static final int DEADLINE_MS = 60_000;

  /** A record of TLS with an alert in it: five bytes of header, two of content. */
  private static final int ALERT_BYTES = 7;

  private static final String LET_IN = "let in";
  private static final String REFUSED = "refused";

  @TempDir Path directory;

  @LongForm
  @Test
  void shouldLetNobodyInWithoutTheSecretAndGoOn() throws Exception {
    try (ClusterNodes nodes =
        new ClusterNodes(
            directory,
            NAMES,
            "--cluster-secret",
            SECRET,
            "--replication-port",
            "10912",
            "--controller-enabled",
            "true")) {
      nodes.addFlags(
          "--controller-members",
          NAMES.stream().map(nodes::address).collect(Collectors.joining(",")));
      nodes.startAll(NAMES.toArray(String[]::new));
      TestClient one = new TestClient(nodes.http(NAMES.get(0)));
      Await.until("all are known", () -> brokers(one) == 3);
      String target = nodes.address(NAMES.get(0));

      assertKnowsEveryPort(target);
      for (int port : CLOSED) {
        String where = target + ":" + port;
        // JGroups shows out politely who says nothing.
        assertNotEquals(REFUSED, handshake(target, port, tls(SECRET)), where + " with the secret");
        assertTrue(plain(target, port) <= ALERT_BYTES, where + " in plain bytes");
        assertEquals(REFUSED, handshake(target, port, tls("")), where + " without certificate");
        assertEquals(REFUSED, handshake(target, port, tls(OTHER)), where + " with another secret");
      }

      List<Socket> silent = new ArrayList<>();
      for (int port : CLOSED) {
        silent.add(new Socket(target, port));
      }
      nodes.kill(NAMES.get(2));
      Await.until("it is missed", () -> brokers(one) == 2);
      nodes.start(NAMES.get(2));
      Await.until("it is back", () -> brokers(one) == 3);
      goOn(nodes);
      for (Socket socket : silent) {
        socket.close();
      }
    }
  }

  /** What is sent at each member is received at the next. */
  private static void goOn(ClusterNodes nodes) {
    for (int i = 0; i < NAMES.size(); i++) {
      TestClient from = new TestClient(nodes.http(NAMES.get(i)));
      TestClient to = new TestClient(nodes.http(NAMES.get((i + 1) % NAMES.size())));
      String topic = "topic-" + i;
      Await.until("a send is taken", () -> from.send(topic, "go on").status() == 201);
      JsonObject wait = new JsonObject().put("wait", "1s");
      Await.until(
          "it is received",
          () ->
              to.post("/v1/groups/g/topics/" + topic + "/receive", wait).body().contains("go on"));
    }
  }

  /** No port is forgotten here; where the system tells which there are. */
  private static void assertKnowsEveryPort(String address) throws IOException {
    List<String> lines = new ArrayList<>();
    for (Path table : List.of(Path.of("/proc/net/tcp"), Path.of("/proc/net/tcp6"))) {
      if (Files.exists(table)) {
        lines.addAll(Files.readAllLines(table));
      }
    }
    if (lines.isEmpty()) {
      return;
    }
    byte[] bytes = InetAddress.getByName(address).getAddress();
    String hex = String.format("%02X%02X%02X%02X", bytes[3], bytes[2], bytes[1], bytes[0]);
    Set<Integer> listening = new TreeSet<>();
    for (String line : lines) {
      String[] words = line.trim().split(" +");
      String[] local = words[1].split(":");
      // In the second table behind what makes an address of version 6 of it.
      if (local[0].endsWith(hex) && words[3].equals("0A")) {
        listening.add(Integer.parseInt(local[1], 16));
      }
    }
    Set<Integer> known = new TreeSet<>(CLOSED);
    known.addAll(OPEN);
    assertEquals(known, listening);
  }

  /** Knocks by TLS and says nothing; what comes of it. */
  private static String handshake(String host, int port, SSLContext context) throws IOException {
    try (SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(host, port)) {
      socket.setSoTimeout(DEADLINE_MS);
      socket.startHandshake();
      // In TLS 1.3 the client is done before the server has looked at its certificate.
      socket.setSoTimeout(SILENCE_MS);
      return socket.getInputStream().read() < 0 ? "closed" : "answered";
    } catch (SocketTimeoutException e) {
      return LET_IN;
    } catch (SSLException e) {
      return e.getMessage().contains("alert") ? REFUSED : e.toString();
    } catch (SocketException e) {
      // Reset, behind an alert that was not read any more.
      return REFUSED;
    }
  }

  /** How many bytes a stranger hears who does not speak TLS, until he is shown out. */
  private static int plain(String host, int port) throws IOException {
    try (Socket socket = new Socket(host, port)) {
      socket.setSoTimeout(DEADLINE_MS);
      socket.getOutputStream().write("GET /v1/cluster HTTP/1.1\r\n\r\n".getBytes());
      return heard(socket.getInputStream());
    }
  }

  private static int heard(InputStream in) throws IOException {
    int bytes = 0;
    try {
      while (in.read() >= 0) {
        bytes++;
      }
    } catch (SocketException reset) {
      // As good as the end.
    }
    return bytes;
  }

  /** A client that trusts anybody, and shows the certificate of a secret, or none. */
  private static SSLContext tls(String secret) throws GeneralSecurityException, IOException {
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(
        secret.isEmpty() ? null : keys(secret),
        new TrustManager[] {new TrustAll()},
        new SecureRandom());
    return context;
  }

  private static KeyManager[] keys(String secret) throws GeneralSecurityException, IOException {
    PfxOptions pfx = new ClusterTls(new ClusterOptions().setSecret(secret)).pfx();
    KeyStore store = KeyStore.getInstance("PKCS12");
    char[] password = pfx.getPassword().toCharArray();
    store.load(new ByteArrayInputStream(pfx.getValue().getBytes()), password);
    KeyManagerFactory factory =
        KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    factory.init(store, password);
    return factory.getKeyManagers();
  }

  private static long brokers(TestClient client) throws Exception {
    return client.get("/v1/cluster").body().split("\"writable\":true", -1).length - 1;
  }
}
