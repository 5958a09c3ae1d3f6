package io.sluice.broker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.bus.AckLevel;
import io.sluice.bus.AdminRequest.BrokerInfo;
import io.sluice.bus.AdminRequest.GetBroker;
import io.sluice.nameserver.NameServerOptions;
import io.sluice.nameserver.NameServerVerticle;
import io.sluice.remoting.BrokerFrontVerticle;
import io.sluice.remoting.NameServerFrontVerticle;
import io.sluice.remoting.RemotingOptions;
import io.sluice.testkit.Await;
import io.sluice.util.Clock;
import io.vertx.core.VerticleBase;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.remoting.protocol.ResponseCode;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The official producer at a Broker that can not keep up. */
@Timeout(120)
class RocketMqOverloadTest {

  private static final int SENDS = 500;

  @TempDir Path directory;
  private final TroubledFiles files = new TroubledFiles();
  private BrokerKit kit;
  private NameServerFrontVerticle names;

  @BeforeEach
  void start() throws Exception {
    kit = new BrokerKit(directory);
    kit.files = files;
    kit.options.getStore().segmentBytes(64 << 10);
    kit.options.setMaxParkedBytes(10 << 10);
    names = new NameServerFrontVerticle(front());
    BrokerFrontVerticle front = new BrokerFrontVerticle(front());
    deploy(new NameServerVerticle(new NameServerOptions(), Clock.system()));
    deploy(names);
    deploy(front);
    kit.options.setAdvertisedAddress(front.advertisedAddress());
    kit.start();
  }

  @AfterEach
  void stop() throws Exception {
    files.letGo();
    kit.close();
  }

  @Test
  void shouldRefuseWithTheCauseAndTheBoundWhatIsNotStored() throws Exception {
    DefaultMQProducer producer = new DefaultMQProducer("overload");
    producer.setNamesrvAddr("127.0.0.1:" + names.port());
    producer.setRetryTimesWhenSendAsyncFailed(0);
    producer.setSendMsgTimeout(60_000);
    producer.start();
    try {
      producer.createTopic("TBW102", "orders", 1, java.util.Map.of());
      MessageQueue queue = producer.fetchPublishMessageQueues("orders").get(0);
      producer.send(new Message("orders", "first".getBytes()), queue);
      files.hold();
      AtomicInteger stored = new AtomicInteger();
      List<Throwable> refused = new ArrayList<>();
      SendCallback noting =
          new SendCallback() {
            @Override
            public void onSuccess(SendResult result) {
              stored.incrementAndGet();
            }

            @Override
            public void onException(Throwable failure) {
              synchronized (refused) {
                refused.add(failure);
              }
            }
          };
      int sent = 0;
      for (; sent < SENDS; sent++) {
        producer.send(new Message("orders", new byte[1_024]), queue, noting);
      }
      // What crosses to the Broker together is answered together, so the first that are refused may
      // wait for those parked beside them: a few more until somebody hears of it.
      long endNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
      while (copy(refused).isEmpty()) {
        assertTrue(System.nanoTime() < endNs, "nothing is refused");
        producer.send(new Message("orders", new byte[1_024]), queue, noting);
        sent++;
        LockSupport.parkNanos(20_000_000);
      }
      files.letGo();
      int all = sent;
      Await.until("all answers", () -> stored.get() + copy(refused).size() == all);
      for (Throwable failure : copy(refused)) {
        MQBrokerException busy = (MQBrokerException) failure;
        assertEquals(ResponseCode.SYSTEM_BUSY, busy.getResponseCode());
        assertTrue(busy.getErrorMessage().contains("the store prepares room"), busy.toString());
        assertTrue(busy.getErrorMessage().contains("allowed are 10240"), busy.toString());
      }
      assertEquals(stored.get() + 1, kit.<BrokerInfo>admin(new GetBroker()).messagesIn());
    } finally {
      producer.shutdown();
    }
  }

  private static List<Throwable> copy(List<Throwable> refused) {
    synchronized (refused) {
      return List.copyOf(refused);
    }
  }

  private void deploy(VerticleBase verticle) {
    Await.result("the start of a front", kit.vertx.deployVerticle(verticle));
  }

  private static RemotingOptions front() {
    return new RemotingOptions()
        .setHost("127.0.0.1")
        .setNameServerPort(0)
        .setBrokerPort(0)
        .setBrokerName(BrokerKit.BROKER)
        .setAck(AckLevel.MEMORY);
  }
}
