package io.sluice.group;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.sluice.testkit.Await;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jgroups.Address;
import org.jgroups.EmptyMessage;
import org.jgroups.JChannel;
import org.jgroups.Message;
import org.jgroups.protocols.TCP;
import org.jgroups.util.ByteArrayDataOutputStream;
import org.jgroups.util.UUID;
import org.junit.jupiter.api.Test;

/**
 * Goal: a member is reached though several threads have the first message for it at the same time.
 * Method: four threads send to a hundred new members at the same moment, over a real transport;
 * what the members' threads take to be sent is counted.
 */
class DestinationBundlerTest {

  private static final int SENDERS = 4;
  private static final int MEMBERS = 100;

  @Test
  void shouldSendWhateverSeveralThreadsSendFirstToAMember() throws Exception {
    Counting bundler = new Counting();
    TCP tcp = new TCP();
    tcp.setBindAddress(InetAddress.getLoopbackAddress());
    tcp.setBindPort(0);
    tcp.setBundler(bundler);
    ExecutorService senders = Executors.newFixedThreadPool(SENDERS);
    try (JChannel channel = GroupTransport.channel("sender", List.of(tcp))) {
      channel.connect("bundler");
      List<Address> members = new ArrayList<>();
      for (int i = 0; i < MEMBERS; i++) {
        members.add(UUID.randomUUID());
      }
      CyclicBarrier together = new CyclicBarrier(SENDERS);
      List<Future<?>> all = new ArrayList<>();
      for (int i = 0; i < SENDERS; i++) {
        all.add(
            senders.submit(
                () -> {
                  for (Address member : members) {
                    together.await();
                    bundler.send(new EmptyMessage(member));
                  }
                  return null;
                }));
      }
      for (Future<?> each : all) {
        each.get();
      }
      Await.until(
          () -> "sent to " + bundler.sent.size() + " members",
          () -> members.stream().allMatch(member -> bundler.sentTo(member) == SENDERS));
      assertEquals(MEMBERS, bundler.sent.size());
    } finally {
      senders.shutdownNow();
    }
  }

  /** Counts instead of dialling members that are not there. */
  private static final class Counting extends DestinationBundler {

    private final Map<Address, Set<Message>> sent = new ConcurrentHashMap<>();

    private int sentTo(Address member) {
      return sent.getOrDefault(member, Set.of()).size();
    }

    @Override
    protected void sendSingle(Address to, Message message, ByteArrayDataOutputStream out) {
      sent.computeIfAbsent(to, key -> ConcurrentHashMap.newKeySet()).add(message);
    }

    @Override
    protected void sendMultiple(
        Address to, Address from, List<Message> list, ByteArrayDataOutputStream out) {
      list.forEach(message -> sendSingle(to, message, out));
    }
  }
}
