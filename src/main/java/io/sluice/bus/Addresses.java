package io.sluice.bus;

/**
 * The event bus addresses of the contract. A Broker is addressed by its name, a NameServer by its
 * id.
 */
public final class Addresses {

  /** Behind the address of a front: where the replies to its clients go. */
  public static final String REQUESTS = ".requests";

  private static final String BROKER = "sluice.broker.";
  private static final String FRONT = "sluice.front.";
  private static final String NAMESERVER = "sluice.nameserver";

  private Addresses() {}

  /** Any {@link ClusterNotice} that is for Brokers: to each that hears it. */
  public static String brokers() {
    return "sluice.brokers";
  }

  /**
   * {@link NameServerRequest.Register} and {@link NameServerRequest.Unregister}, within this
   * process only: what its Broker tells NameServers, for those that are not on this event bus.
   */
  public static String registrations() {
    return "sluice.registrations";
  }

  /** {@link ClusterNotice.MemberChanged}, within this process only. */
  public static String membership() {
    return "sluice.membership";
  }

  /** {@link RequestBundle}, answered by {@link Done}. */
  public static String bundles(String brokerName) {
    return BROKER + brokerName + ".bundles";
  }

  /** {@link ReplyBundle} to one event loop of a front. */
  public static String replies(String loopId) {
    return FRONT + loopId + ".replies";
  }

  /** {@link ReplyMessage} to who asked: the name in {@link ReplyTo} of a front's event loop. */
  public static String requester(String name) {
    return FRONT + name.substring(ReplyTo.PREFIX.length()) + REQUESTS;
  }

  /** {@link ReplyMessage} to the front that has this connection. */
  public static String requesterOf(String holder) {
    return frontOf(holder) + REQUESTS;
  }

  /** {@link AppendRequest} to {@link AppendReply}. */
  public static String append(String brokerName) {
    return BROKER + brokerName + ".append";
  }

  /** {@link ReceiveRequest} to {@link ReceiveReply}. */
  public static String receive(String brokerName) {
    return BROKER + brokerName + ".receive";
  }

  /** {@link SettleRequest} to {@link SettleReply}. */
  public static String settle(String brokerName) {
    return BROKER + brokerName + ".settle";
  }

  /** {@link ReleaseRequest}, answered by {@link Done}. */
  public static String release(String brokerName) {
    return BROKER + brokerName + ".release";
  }

  /** {@link ReadRequest} to {@link ReadReply}. */
  public static String read(String brokerName) {
    return BROKER + brokerName + ".read";
  }

  /** Any {@link TransactionRequest}; each names its answer. */
  public static String transactions(String brokerName) {
    return BROKER + brokerName + ".transactions";
  }

  /** Any {@link ClientKept}; each names its answer. */
  public static String clientKept(String brokerName) {
    return BROKER + brokerName + ".clients";
  }

  /** Any {@link PopRequest}; each names its answer. */
  public static String pop(String brokerName) {
    return BROKER + brokerName + ".pop";
  }

  /** Any {@link FrontNotice}, to one front. */
  public static String front(String frontId) {
    return FRONT + frontId;
  }

  /** The address of the front that has this connection: the holder's name up to the last colon. */
  public static String frontOf(String holder) {
    return front(holder.substring(0, Math.max(0, holder.lastIndexOf(':'))));
  }

  /** Any {@link LetterRequest}; each names its answer. */
  public static String letters(String brokerName) {
    return BROKER + brokerName + ".letters";
  }

  /** Any {@link AdminRequest}; each names its answer. */
  public static String admin(String brokerName) {
    return BROKER + brokerName + ".admin";
  }

  /** Any {@link OperatorRequest}; each names its answer. */
  public static String operator(String brokerName) {
    return BROKER + brokerName + ".operator";
  }

  /**
   * Any {@link NameServerRequest}, to each NameServer that hears it: {@code publish} to register.
   */
  public static String nameServers() {
    return NAMESERVER;
  }

  /** Any {@link NameServerRequest}, to one NameServer. */
  public static String nameServer(String id) {
    return NAMESERVER + "." + id;
  }
}
