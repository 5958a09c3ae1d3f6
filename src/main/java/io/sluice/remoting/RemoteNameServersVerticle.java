package io.sluice.remoting;

import io.sluice.bus.Addresses;
import io.sluice.bus.NameServerRequest;
import io.sluice.bus.NameServerRequest.Register;
import io.sluice.bus.NameServerRequest.Unregister;
import io.sluice.bus.TopicConfig;
import io.sluice.util.Clock;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.CRC32;

/**
 * Tells NameServers that are not on this event bus, RocketMQ's or those of other Sluices, by
 * RocketMQ's protocol what this process's Broker tells those that are: at the start, on each change
 * and every 30 seconds. Each is told by itself, whatever the others answer. One whose connection
 * ended may have been started anew, and then knows nothing: it is told as soon as it is back.
 *
 * <p>Source of the rules: Apache RocketMQ 5.5.0, BrokerOuterAPI.
 */
public final class RemoteNameServersVerticle extends VerticleBase {

  private static final System.Logger LOG =
      System.getLogger(RemoteNameServersVerticle.class.getName());

  private static final long TIMEOUT_MS = 10_000;

  /** A NameServer that does not answer is tried again after this, not only after 30 s. */
  private static final long RETRY_MS = 1_000;

  /** Of the topic that others are made after: read, write, inherit. */
  private static final int TEMPLATE_PERMISSION = 7;

  private final List<String> addresses;
  private final RemotingOptions options;
  private final Clock clock;
  private final List<RemotingClient> nameServers = new ArrayList<>();
  private final Set<String> silent = new HashSet<>();
  private final Set<String> asked = new HashSet<>();
  private Register last;
  private long versionMs;
  private boolean left;

  /**
   * Nothing is told yet.
   *
   * @param addresses {@code host:port} of each
   */
  public RemoteNameServersVerticle(List<String> addresses, RemotingOptions options, Clock clock) {
    this.addresses = List.copyOf(addresses);
    this.options = new RemotingOptions(options);
    this.clock = clock;
  }

  @Override
  public Future<?> start() {
    for (String address : addresses) {
      int colon = address.lastIndexOf(':');
      RemotingClient nameServer =
          new RemotingClient(
              vertx,
              address.substring(0, colon),
              Integer.parseInt(address.substring(colon + 1)),
              TIMEOUT_MS);
      nameServer.whenLost(() -> silent.add(address));
      nameServers.add(nameServer);
    }
    vertx.setPeriodic(RETRY_MS, id -> tellSilent());
    return vertx
        .eventBus()
        .<NameServerRequest>localConsumer(
            Addresses.registrations(), message -> hear(message.body()))
        .completion();
  }

  @Override
  public Future<?> stop() {
    return Future.join(nameServers.stream().map(RemotingClient::close).toList());
  }

  private void hear(NameServerRequest request) {
    if (request instanceof Register register) {
      left = false;
      if (last == null || last.dataVersion() != register.dataVersion()) {
        // Later than that of any earlier process, which counted from elsewhere.
        versionMs = Math.max(versionMs + 1, clock.nowMs());
      }
      last = register;
      nameServers.forEach(this::register);
    } else if (request instanceof Unregister unregister) {
      left = true;
      nameServers.forEach(
          nameServer -> nameServer.ask(RequestCode.UNREGISTER_BROKER, identity(unregister), null));
    }
  }

  private void tellSilent() {
    if (last != null && !left) {
      nameServers.stream()
          .filter(nameServer -> silent.contains(nameServer.address()))
          .filter(nameServer -> !asked.contains(nameServer.address()))
          .forEach(this::register);
    }
  }

  private void register(RemotingClient nameServer) {
    Register register = last;
    byte[] body =
        RouteJson.registration(
            topics(register), register.dataVersion(), versionMs, register.epoch());
    CRC32 crc = new CRC32();
    crc.update(body);
    Map<String, String> fields =
        identity(
            new Unregister(
                register.cluster(),
                register.brokerName(),
                register.brokerId(),
                register.address()));
    // Nobody but RocketMQ's slaves dials it, and those do not understand ours.
    fields.put("haServerAddr", register.address());
    fields.put("compressed", "false");
    fields.put("bodyCrc32", Integer.toString((int) (crc.getValue() & 0x7fffffff)));
    asked.add(nameServer.address());
    nameServer
        .ask(RequestCode.REGISTER_BROKER, fields, body)
        .onComplete(
            answer -> {
              asked.remove(nameServer.address());
              String trouble =
                  answer.failed()
                      ? answer.cause().getMessage()
                      : answer.result().code() == ResponseCode.SUCCESS
                          ? null
                          : "it answers "
                              + answer.result().code()
                              + ", "
                              + answer.result().remark();
              if (trouble == null) {
                if (silent.remove(nameServer.address())) {
                  LOG.log(Level.INFO, "the NameServer {0} is told again", nameServer.address());
                }
              } else if (silent.add(nameServer.address())) {
                LOG.log(
                    Level.WARNING,
                    "the NameServer {0} can not be told of broker {1}: {2}; it is tried again",
                    nameServer.address(),
                    register.brokerName(),
                    trouble);
              }
            });
  }

  /** Clients ask a NameServer for two topics more, which it has from the Brokers only. */
  private List<TopicConfig> topics(Register register) {
    List<TopicConfig> topics = new ArrayList<>(register.topics());
    if (register.brokerId() == 0) {
      boolean leaves =
          !topics.isEmpty()
              && topics.stream().noneMatch(topic -> (topic.permission() & TopicConfig.WRITE) != 0);
      if (options.isAutoCreateTopics() && !leaves) {
        topics.add(
            new TopicConfig(
                RouteHandler.TEMPLATE_TOPIC,
                options.getTemplateQueues(),
                TEMPLATE_PERMISSION,
                false,
                TopicConfig.RETENTION_OF_BROKER,
                Map.of()));
      }
    }
    if (register.brokerId() == 0) {
      topics.add(TopicConfig.of(register.cluster() + ReplyHandler.TOPIC_SUFFIX, 1));
    }
    return topics;
  }

  private static Map<String, String> identity(Unregister who) {
    Map<String, String> fields = new HashMap<>();
    fields.put("clusterName", who.cluster());
    fields.put("brokerName", who.brokerName());
    fields.put("brokerId", Long.toString(who.brokerId()));
    fields.put("brokerAddr", who.address());
    return fields;
  }
}
