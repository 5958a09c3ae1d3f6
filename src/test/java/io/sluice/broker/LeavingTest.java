package io.sluice.broker;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.broker.BrokerKit.Received;
import io.sluice.bus.AckLevel;
import io.sluice.bus.Addresses;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.NameServerRequest;
import io.sluice.bus.NameServerRequest.Register;
import io.sluice.bus.SluiceException;
import io.sluice.bus.TopicConfig;
import io.sluice.message.MessageBatch;
import io.sluice.message.QueueSelector;
import io.sluice.testkit.Await;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A Broker that is about to stop. */
class LeavingTest {

  @TempDir Path directory;

  @Test
  void shouldSayFirstThatNothingIsToBeSentAndTakeItStill() throws Exception {
    try (BrokerKit kit = new BrokerKit(directory).start()) {
      kit.send("t", "before");
      List<Register> told = new CopyOnWriteArrayList<>();
      kit.vertx
          .eventBus()
          .<NameServerRequest>localConsumer(
              Addresses.registrations(),
              message -> {
                if (message.body() instanceof Register register) {
                  told.add(register);
                }
              });
      kit.broker().leave(Duration.ZERO, false).await(20, SECONDS);
      // What was told of the topic when it was made may still be on its way.
      Await.until("the routes to be told", () -> told.stream().anyMatch(LeavingTest::takesNothing));
      long leavingVersion =
          told.stream().filter(LeavingTest::takesNothing).findFirst().orElseThrow().dataVersion();
      kit.send("t", "still taken");
      // What is made meanwhile is not to be sent to either, and the version goes on rising.
      kit.send("new", "still made");
      Await.until("the new topic to be told", () -> told.get(told.size() - 1).topics().size() == 2);
      Register last = told.get(told.size() - 1);
      assertTrue(last.dataVersion() > leavingVersion, told::toString);
      assertTrue(takesNothing(last), told::toString);
    }
  }

  private static boolean takesNothing(Register register) {
    return register.topics().stream().allMatch(each -> each.permission() == TopicConfig.READ);
  }

  @Test
  void shouldRefuseSendsAndGoOnWithAllElse() throws Exception {
    try (BrokerKit kit = new BrokerKit(directory).start()) {
      kit.send("t", "a", "b");
      kit.broker().refuseSends().await(20, SECONDS);
      MessageBatch batch = kit.batch();
      BrokerKit.add(batch, "t", QueueSelector.ANY, null, "too late");
      SluiceException refused =
          SluiceException.of(Await.failure("the send", kit.append(batch, AckLevel.MEMORY, false)));
      assertEquals(ErrorCode.DRAINING, refused.code());
      List<Received> received = kit.receive("g", "t", 10);
      assertEquals(2, received.size());
      kit.restart();
      assertEquals(
          List.of(), kit.receive("g", "t", 10), "leased before, and nothing came after it");
    }
  }

  @Test
  void shouldNotLeaveForASlaveThatIsNotThere() throws Exception {
    try (BrokerKit kit = new BrokerKit(directory).start()) {
      SluiceException refused =
          SluiceException.of(Await.failure("to leave", kit.broker().leave(Duration.ZERO, true)));
      assertEquals(ErrorCode.REPLICAS_MISSING, refused.code());
      kit.send("t", "goes on");
    }
  }
}
