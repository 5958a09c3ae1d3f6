package io.sluice.remoting;

import io.sluice.bus.Addresses;
import io.sluice.bus.FrontNotice;
import io.sluice.message.UniqueIds;
import io.sluice.metrics.LatencyRecorder;
import io.sluice.util.Clock;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import java.net.InetSocketAddress;

/**
 * A Broker as RocketMQ's clients see it: a TCP listener, and a second one at its port - 2, that
 * turn their requests into those of package {@code bus}. Deploy it before the Broker where its port
 * is 0, since the Broker has to be told the {@link #advertisedAddress}; requests that come before
 * the Broker is there are answered "not available".
 */
public final class BrokerFrontVerticle extends VerticleBase {

  private static final System.Logger LOG = System.getLogger(BrokerFrontVerticle.class.getName());

  private final RemotingOptions options;
  private final LatencyRecorder latency;
  private final HandlerRegistry handlers = new HandlerRegistry();
  private BrokerLink broker;
  private ClientHandler clients;
  private ReplyHandler replies;
  private TransactionHandler checks;
  private RemotingServer server;
  private RemotingServer vipServer;
  private volatile int port;
  private volatile int vipPort = -1;
  private volatile byte[] storeHost;

  /**
   * A front for the Broker that the options name.
   *
   * @param options copied
   */
  public BrokerFrontVerticle(RemotingOptions options) {
    this(options, LatencyRecorder.NONE);
  }

  /**
   * A front that measures.
   *
   * @param options copied
   * @param latency takes the stages RECEIVE, DELIVERY and END_TO_END
   */
  public BrokerFrontVerticle(RemotingOptions options, LatencyRecorder latency) {
    this.options = new RemotingOptions(options).conclude();
    this.latency = latency;
  }

  /** The port it listens at, once started; any thread. */
  public int port() {
    return port;
  }

  /** What it runs on, once started; any thread. */
  public Context context() {
    return context;
  }

  /** The port of the second listener, or -1 if there is none; any thread. */
  public int vipPort() {
    return vipPort;
  }

  /** {@code host:port} that clients dial, once started; any thread. */
  public String advertisedAddress() {
    return options.getAdvertise() + ":" + advertisedPort();
  }

  /** The advertised address as it stands in records and message ids, once started; any thread. */
  public byte[] storeHost() {
    return storeHost.clone();
  }

  private int advertisedPort() {
    return options.getAdvertisePort() > 0 ? options.getAdvertisePort() : port;
  }

  @Override
  public Future<?> start() {
    broker = new BrokerLink(vertx, options.getBrokerName());
    clients = new ClientHandler(broker);
    server = newServer("broker");
    vipServer = newServer("broker-vip");
    return server
        .listen(options.getBrokerPort())
        .compose(
            actual -> {
              port = actual;
              return listenVip(actual - 2);
            })
        .compose(nothing -> resolveAdvertised())
        .compose(
            storeHost -> {
              addHandlers(storeHost);
              return listenToBroker();
            })
        .onSuccess(nothing -> logAddresses());
  }

  @Override
  public Future<?> stop() {
    if (server == null) {
      return Future.succeededFuture();
    }
    return vipServer.close().eventually(server::close);
  }

  private RemotingServer newServer(String name) {
    return new RemotingServer(
        vertx, options, handlers, name, context.deploymentID(), this::disconnected);
  }

  /** Looks the advertised name up, and says what is wrong with it. */
  private Future<byte[]> resolveAdvertised() {
    return vertx
        .executeBlocking(() -> AdvertisedAddress.resolve(options.getAdvertise(), options.getHost()))
        .map(
            advertised -> {
              advertised
                  .warnings()
                  .forEach(warning -> LOG.log(System.Logger.Level.WARNING, warning));
              storeHost =
                  ClientConnection.hostBytes(
                      new InetSocketAddress(advertised.forIds(), advertisedPort()));
              return storeHost;
            });
  }

  private void addHandlers(byte[] storeHost) {
    Clock clock = Clock.system();
    SendHandler sends =
        new SendHandler(
            options,
            new TopicHints(broker),
            new AppendCollector(broker, context, clock, latency),
            new SendProperties(
                new UniqueIds(clock.nowMs()), options.getClusterName(), options.getDelayLevelsMs()),
            new RetryTopics(broker),
            storeHost,
            clock);
    replies = new ReplyHandler(vertx, options, advertisedAddress(), clock, this::connection);
    checks = new TransactionHandler(broker, storeHost);
    handlers
        .add(checks, RequestCode.END_TRANSACTION)
        .add(
            sends,
            RequestCode.SEND_MESSAGE,
            RequestCode.SEND_MESSAGE_V2,
            RequestCode.SEND_BATCH_MESSAGE)
        .add(
            new SendBackHandler(broker, options.getAck(), options.getDelayLevelsMs()),
            RequestCode.CONSUMER_SEND_MSG_BACK)
        .add(
            new PopHandler(broker, clock, latency),
            RequestCode.POP_MESSAGE,
            RequestCode.ACK_MESSAGE,
            RequestCode.BATCH_ACK_MESSAGE,
            RequestCode.CHANGE_MESSAGE_INVISIBLE_TIME,
            RequestCode.NOTIFICATION,
            RequestCode.PEEK_MESSAGE,
            RequestCode.POLLING_INFO)
        .add(
            new AssignmentHandler(vertx, broker),
            RequestCode.QUERY_ASSIGNMENT,
            RequestCode.SET_MESSAGE_REQUEST_MODE)
        .add(new RecallHandler(broker), RequestCode.RECALL_MESSAGE)
        .add(
            new PullHandler(broker, clients, clock, latency),
            RequestCode.PULL_MESSAGE,
            RequestCode.LITE_PULL_MESSAGE)
        .add(
            new ConsumerOffsetHandler(broker),
            RequestCode.QUERY_CONSUMER_OFFSET,
            RequestCode.UPDATE_CONSUMER_OFFSET)
        .add(
            new QueueOffsetHandler(broker),
            RequestCode.SEARCH_OFFSET_BY_TIMESTAMP,
            RequestCode.GET_MAX_OFFSET,
            RequestCode.GET_MIN_OFFSET,
            RequestCode.GET_EARLIEST_MSG_STORE_TIME)
        .add(
            clients,
            RequestCode.HEART_BEAT,
            RequestCode.UNREGISTER_CLIENT,
            RequestCode.GET_CONSUMER_LIST_BY_GROUP,
            RequestCode.CHECK_CLIENT_CONFIG)
        .add(new LockHandler(broker), RequestCode.LOCK_BATCH_MQ, RequestCode.UNLOCK_BATCH_MQ)
        .add(new QueryHandler(broker), RequestCode.QUERY_MESSAGE, RequestCode.VIEW_MESSAGE_BY_ID)
        .add(
            new TopicAdminHandler(broker),
            RequestCode.UPDATE_AND_CREATE_TOPIC,
            RequestCode.UPDATE_AND_CREATE_TOPIC_LIST,
            RequestCode.GET_ALL_TOPIC_CONFIG,
            RequestCode.GET_TOPIC_STATS,
            RequestCode.DELETE_TOPIC_IN_BROKER,
            RequestCode.QUERY_TOPIC_CONSUME_BY_WHO,
            RequestCode.GET_TOPIC_CONFIG)
        .add(
            new GroupAdminHandler(broker, options.retryDelaysMs()),
            RequestCode.UPDATE_AND_CREATE_SUBSCRIPTION_GROUP,
            RequestCode.UPDATE_AND_CREATE_SUBSCRIPTION_GROUP_LIST,
            RequestCode.GET_ALL_SUBSCRIPTION_GROUPS,
            RequestCode.GET_CONSUMER_CONNECTION_LIST,
            RequestCode.GET_PRODUCER_CONNECTION_LIST,
            RequestCode.DELETE_SUBSCRIPTION_GROUP,
            RequestCode.GET_SUBSCRIPTION_GROUP_CONFIG)
        .add(
            new GroupProgressHandler(broker, advertisedAddress(), clock),
            RequestCode.GET_CONSUME_STATS,
            RequestCode.QUERY_CONSUME_TIME_SPAN,
            RequestCode.CLONE_GROUP_OFFSET,
            RequestCode.GET_BROKER_CONSUME_STATS,
            RequestCode.QUERY_TOPICS_BY_CONSUMER,
            RequestCode.QUERY_SUBSCRIPTION_BY_CONSUMER)
        .add(
            new BrokerStatsHandler(broker, clock),
            RequestCode.VIEW_BROKER_STATS_DATA,
            RequestCode.QUERY_CONSUME_QUEUE,
            RequestCode.GET_ALL_PRODUCER_INFO,
            RequestCode.GET_BROKER_HA_STATUS)
        // The store does it by itself, all the time; RocketMQ's answer says no more than that.
        .add(
            Exchange::ok,
            RequestCode.CLEAN_EXPIRED_CONSUME_QUEUE,
            RequestCode.CLEAN_UNUSED_TOPIC,
            RequestCode.DELETE_EXPIRED_COMMIT_LOG)
        .add(
            new ClientCallHandler(broker, this::connection),
            RequestCode.INVOKE_BROKER_TO_GET_CONSUMER_STATUS,
            RequestCode.GET_CONSUMER_RUNNING_INFO,
            RequestCode.CONSUME_MESSAGE_DIRECTLY)
        .add(replies, RequestCode.SEND_REPLY_MESSAGE, RequestCode.SEND_REPLY_MESSAGE_V2)
        .add(new ResetOffsetHandler(broker), RequestCode.INVOKE_BROKER_TO_RESET_OFFSET)
        .add(
            new BrokerInfoHandler(broker, options, port, clock),
            RequestCode.GET_BROKER_CONFIG,
            RequestCode.GET_BROKER_RUNTIME_INFO,
            RequestCode.UPDATE_BROKER_CONFIG,
            RequestCode.GET_SYSTEM_TOPICS_OF_BROKER);
  }

  private Future<Void> listenToBroker() {
    return vertx
        .eventBus()
        .<FrontNotice>consumer(Addresses.front(context.deploymentID()))
        .handler(message -> tellClients(message.body()))
        .completion()
        .compose(nothing -> replies.listen(context.deploymentID()));
  }

  private void tellClients(FrontNotice notice) {
    if (notice instanceof FrontNotice.CheckTransaction check) {
      checks.ask(check, connection(check.holder()));
    } else if (notice instanceof FrontNotice.GroupChanged changed) {
      for (String holder : changed.holders()) {
        ClientConnection connection = connection(holder);
        if (connection != null) {
          connection.tell(
              RequestCode.NOTIFY_CONSUMER_IDS_CHANGED,
              new ExtFields(1).put("consumerGroup", changed.group()),
              null);
        }
      }
    }
  }

  /** The connection with this name, or null if it is gone or another front's. */
  private ClientConnection connection(String holder) {
    ClientConnection connection = server.connection(holder);
    return connection == null ? vipServer.connection(holder) : connection;
  }

  private void disconnected(ClientConnection connection) {
    clients.disconnected(connection);
    if (connection.hasParked()) {
      broker.release(connection.holder());
    }
  }

  /** Opens the second listener. Only old clients need it, so a port in use is no reason to stop. */
  private Future<Void> listenVip(int wanted) {
    if (!options.isVipChannel() || wanted <= 0) {
      return Future.succeededFuture();
    }
    return vipServer
        .listen(wanted)
        .<Void>map(
            actual -> {
              vipPort = actual;
              return null;
            })
        .recover(
            failure -> {
              LOG.log(
                  System.Logger.Level.WARNING,
                  "no second listener at port {0}: {1}; clients older than 4.6 and dashboards that"
                      + " use the VIP channel can not send",
                  String.valueOf(wanted),
                  failure.getMessage());
              return Future.succeededFuture();
            });
  }

  private void logAddresses() {
    LOG.log(
        System.Logger.Level.INFO,
        "RocketMQ Broker {0} listens at {1}:{2}; clients are told to dial {3}",
        options.getBrokerName(),
        options.getHost(),
        String.valueOf(port),
        advertisedAddress());
  }
}
