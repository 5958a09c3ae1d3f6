package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.app.Sluice;
import io.sluice.app.SluiceOptions;
import io.sluice.testkit.Await;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/** The official client with TLS and without, at the same ports. */
class RocketMqTlsIT {

  private static final char[] PASSWORD = "changeit".toCharArray();

  @TempDir static Path keys;

  @TempDir Path data;

  /** A key and its certificate, made by the JDK's keytool, as PEM files. */
  @BeforeAll
  static void makeKeys() throws Exception {
    Path store = keys.resolve("store.p12");
    String tool = Path.of(System.getProperty("java.home"), "bin", "keytool").toString();
    String[] command = {
      tool,
      "-genkeypair",
      "-alias",
      "test",
      "-keyalg",
      "EC",
      "-dname",
      "CN=localhost",
      "-storetype",
      "PKCS12",
      "-storepass",
      new String(PASSWORD),
      "-keystore",
      store.toString()
    };
    assertEquals(0, new ProcessBuilder(command).start().waitFor());
    KeyStore loaded = KeyStore.getInstance(store.toFile(), PASSWORD);
    write("key.pem", "PRIVATE KEY", loaded.getKey("test", PASSWORD).getEncoded());
    write("certificate.pem", "CERTIFICATE", loaded.getCertificate("test").getEncoded());
  }

  private static void write(String file, String kind, byte[] bytes) throws IOException {
    Files.writeString(
        keys.resolve(file),
        "-----BEGIN "
            + kind
            + "-----\n"
            + Base64.getMimeEncoder().encodeToString(bytes)
            + "\n-----END "
            + kind
            + "-----\n");
  }

  @Test
  void shouldTakeClientsWithAndWithoutTlsAtTheSamePort() throws Exception {
    if (InteropTarget.isReal()) {
      // It makes itself a certificate when it is given none.
      try (InteropTarget target = new InteropTarget()) {
        sendAndConsumeBothWays(target.nameServer());
      }
      return;
    }
    Sluice sluice = Await.result("the start", Sluice.start(options()));
    try {
      sendAndConsumeBothWays("127.0.0.1:" + sluice.nameServerPort());
    } finally {
      Await.result("the stop", sluice.close());
    }
  }

  private static void sendAndConsumeBothWays(String nameServer) throws Exception {
    String topic = "tls" + Long.toString(System.nanoTime(), 36);
    try (RocketMqClients clients = new RocketMqClients(nameServer)) {
      DefaultMQProducer plain = clients.producer("plain");
      assertEquals(
          SendStatus.SEND_OK,
          plain.send(RocketMqClients.message(topic, "A", "plain")).getSendStatus());
      DefaultMQProducer secure = producer(nameServer, true);
      try {
        assertEquals(
            SendStatus.SEND_OK,
            secure.send(RocketMqClients.message(topic, "A", "secure")).getSendStatus());
      } finally {
        secure.shutdown();
      }
      for (boolean tls : new boolean[] {true, false}) {
        DefaultLitePullConsumer consumer = clients.litePullConsumer(topic + tls);
        consumer.setUseTLS(tls);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(topic, "*");
        consumer.start();
        List<String> bodies = new ArrayList<>();
        RocketMqClients.await(
            () -> "2 messages, " + bodies,
            () -> {
              for (MessageExt message : consumer.poll(1_000)) {
                bodies.add(new String(message.getBody(), StandardCharsets.UTF_8));
              }
              return bodies.size() >= 2;
            });
        bodies.sort(null);
        assertEquals(List.of("plain", "secure"), bodies);
      }
    }
  }

  @Test
  @DisabledIfSystemProperty(named = "rocketmq.nameserver", matches = ".+")
  @DisabledIfSystemProperty(named = "target", matches = "rocketmq")
  void shouldTurnAwayClientsWithoutTlsWhereItIsEnforced() throws Exception {
    Sluice sluice = Await.result("the start", Sluice.start(options().setTlsEnforced(true)));
    try {
      String nameServer = "127.0.0.1:" + sluice.nameServerPort();
      DefaultMQProducer secure = producer(nameServer, true);
      DefaultMQProducer plain = producer(nameServer, false);
      try {
        secure.send(RocketMqClients.message("tls", "A", "secure"));
        assertThrows(
            Exception.class, () -> plain.send(RocketMqClients.message("tls", "A", "plain")));
      } finally {
        plain.shutdown();
        secure.shutdown();
      }
    } finally {
      Await.result("the stop", sluice.close());
    }
  }

  @Test
  @DisabledIfSystemProperty(named = "rocketmq.nameserver", matches = ".+")
  @DisabledIfSystemProperty(named = "target", matches = "rocketmq")
  void shouldSayWhatIsWrongWithTheFiles() {
    Throwable failure =
        Await.failure(
            "the start",
            Sluice.start(
                options()
                    .setTls(
                        keys.resolve("key.pem").toString(), keys.resolve("key.pem").toString())));
    assertTrue(failure.getMessage().contains("PEM files"), failure.toString());
  }

  private SluiceOptions options() {
    return new SluiceOptions()
        .setHost("127.0.0.1")
        .setAnyPorts()
        .setDataDirectory(data)
        .setTls(keys.resolve("certificate.pem").toString(), keys.resolve("key.pem").toString());
  }

  private static DefaultMQProducer producer(String nameServer, boolean secure) throws Exception {
    DefaultMQProducer producer = new DefaultMQProducer("tls-" + secure);
    producer.setNamesrvAddr(nameServer);
    producer.setInstanceName("tls-" + secure + System.nanoTime());
    producer.setUseTLS(secure);
    producer.start();
    return producer;
  }
}
