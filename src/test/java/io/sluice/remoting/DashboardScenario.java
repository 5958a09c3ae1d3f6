package io.sluice.remoting;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What the official dashboard asks through the admin client, in the version of whichever class
 * loader has this: only reflection, as the packages of the answers' classes differ. The input is
 * {@code name=value} by {@code ;}, the output a line for each call: its name, and the sorted names
 * in its answer, or the error.
 *
 * <p>Source of the calls: rocketmq-dashboard, its classes ClusterServiceImpl, TopicServiceImpl,
 * ConsumerServiceImpl, MessageServiceImpl, ProducerServiceImpl, OpsServiceImpl,
 * DashboardCollectTask.
 */
public final class DashboardScenario implements UnaryOperator<String> {

  private static final Pattern NAME = Pattern.compile("\"([A-Za-z_%@][\\w%@.-]*)\":");
  private static final Pattern CODE = Pattern.compile("CODE: (\\d+)");

  private final Map<String, String> lines = new TreeMap<>();
  private Object admin;
  private Method toJson;

  @Override
  public String apply(String input) {
    Map<String, String> with = new TreeMap<>();
    for (String each : input.split(";")) {
      with.put(each.substring(0, each.indexOf('=')), each.substring(each.indexOf('=') + 1));
    }
    try {
      run(with);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
    StringBuilder out = new StringBuilder();
    lines.forEach((call, answer) -> out.append(call).append(": ").append(answer).append('\n'));
    return out.toString();
  }

  private void run(Map<String, String> with) throws ReflectiveOperationException {
    ClassLoader loader = DashboardScenario.class.getClassLoader();
    toJson =
        loader
            .loadClass("org.apache.rocketmq.remoting.protocol.RemotingSerializable")
            .getMethod("toJson", Object.class, boolean.class);
    admin =
        loader
            .loadClass("org.apache.rocketmq.tools.admin.DefaultMQAdminExt")
            .getConstructor(long.class)
            .newInstance(10_000L);
    invoke("setNamesrvAddr", with.get("nameServer"));
    invoke("setInstanceName", "dashboard-" + System.nanoTime());
    invoke("start");
    try {
      ask(with, with.get("broker"), with.get("topic"), with.get("group"), with.get("client"));
    } finally {
      invoke("shutdown");
    }
  }

  private void ask(
      Map<String, String> with, String broker, String topic, String group, String client)
      throws ReflectiveOperationException {
    call("examineBrokerClusterInfo");
    call("fetchBrokerRuntimeStats", broker);
    call("getNameServerAddressList");
    call("fetchAllTopicList");
    call("fetchTopicsByCLuster", "DefaultCluster");
    call("getTopicClusterList", topic);
    call("examineTopicStats", topic);
    call("examineTopicRouteInfo", topic);
    call("queryTopicConsumeByWho", topic);
    call("examineTopicConfig", broker, topic);
    Object config = make("TopicConfig", "org.apache.rocketmq.common.TopicConfig");
    set(config, "setTopicName", "dash-new");
    call("createAndUpdateTopicConfig", broker, config);
    call("deleteTopicInBroker", Set.of(broker), "dash-new");
    call("deleteTopicInNameServer", Set.of(with.get("nameServer")), "dash-new");

    call("getAllSubscriptionGroup", broker, 5_000L);
    call("examineSubscriptionGroupConfig", broker, group);
    Object groupConfig =
        make(
            "SubscriptionGroupConfig",
            "org.apache.rocketmq.common.subscription.SubscriptionGroupConfig",
            "org.apache.rocketmq.remoting.protocol.subscription.SubscriptionGroupConfig");
    set(groupConfig, "setGroupName", "dash-new-group");
    call("createAndUpdateSubscriptionGroupConfig", broker, groupConfig);
    call("resetOffsetByTimestamp", topic, "dash-new-group", 0L, true);
    call("deleteSubscriptionGroup", broker, "dash-new-group");
    call("examineConsumeStats", group);
    call("examineConsumeStats", group, topic);
    call("examineConsumerConnectionInfo", group);
    call("getConsumerRunningInfo", group, client, false);
    call("getConsumeStatus", topic, group, "");
    call("queryConsumeTimeSpan", topic, group);
    call("examineProducerConnectionInfo", with.get("producer"), topic);
    call("viewBrokerStatsData", broker, "TOPIC_PUT_NUMS", topic);
    call("viewBrokerStatsData", broker, "GROUP_GET_NUMS", topic + "@" + group);

    Object message = call("viewMessage", topic, with.get("id"));
    call("queryMessage", topic, with.get("key"), 64, 0L, System.currentTimeMillis() + 60_000);
    if (message != null) {
      call("messageTrackDetail", message);
    }
    call("consumeMessageDirectly", group, client, topic, with.get("id"));
    call("createAndUpdateKvConfig", "dash", "key", "value");
    call("getKVConfig", "dash", "key");
    call("deleteKvConfig", "dash", "key");
    call("examineTopicRouteInfo", "dash-none");
    call("examineConsumerConnectionInfo", "dash-none");
    call("examineConsumeStats", "dash-none");
  }

  /** Makes a call and notes what came of it; the answer, or null. */
  private Object call(String name, Object... arguments) {
    String none = arguments.length > 0 && "dash-none".equals(arguments[0]) ? " of none" : "";
    String key = name + "/" + arguments.length + none;
    try {
      Object answer = invoke(name, arguments);
      lines.merge(key, "ok " + names(answer), (a, b) -> a + "; " + b);
      return answer;
    } catch (ReflectiveOperationException e) {
      Throwable cause = e instanceof InvocationTargetException ? e.getCause() : e;
      Matcher code = CODE.matcher(String.valueOf(cause.getMessage()));
      lines.merge(
          key,
          cause.getClass().getSimpleName() + (code.find() ? " " + code.group(1) : ""),
          (a, b) -> a + "; " + b);
      return null;
    }
  }

  private Set<String> names(Object answer) throws ReflectiveOperationException {
    Set<String> names = new TreeSet<>();
    if (answer != null) {
      Matcher matcher = NAME.matcher((String) toJson.invoke(null, answer, false));
      while (matcher.find()) {
        names.add(matcher.group(1));
      }
    }
    return names;
  }

  private Object invoke(String name, Object... arguments) throws ReflectiveOperationException {
    for (Method method : admin.getClass().getMethods()) {
      if (method.getName().equals(name) && takes(method, arguments)) {
        return method.invoke(admin, arguments);
      }
    }
    throw new NoSuchMethodException(name);
  }

  private static boolean takes(Method method, Object[] arguments) {
    Class<?>[] types = method.getParameterTypes();
    if (types.length != arguments.length) {
      return false;
    }
    for (int i = 0; i < types.length; i++) {
      Class<?> type = types[i];
      Class<?> given = arguments[i].getClass();
      boolean same =
          type == long.class && given == Long.class
              || type == int.class && given == Integer.class
              || type == boolean.class && given == Boolean.class;
      if (!same && !type.isAssignableFrom(given)) {
        return false;
      }
    }
    return true;
  }

  private static Object make(String what, String... classNames)
      throws ReflectiveOperationException {
    for (String name : classNames) {
      try {
        return DashboardScenario.class
            .getClassLoader()
            .loadClass(name)
            .getConstructor()
            .newInstance();
      } catch (ClassNotFoundException elsewhere) {
        // The other version's.
      }
    }
    throw new ClassNotFoundException(what);
  }

  private static void set(Object target, String setter, String value)
      throws ReflectiveOperationException {
    target.getClass().getMethod(setter, String.class).invoke(target, value);
  }
}
