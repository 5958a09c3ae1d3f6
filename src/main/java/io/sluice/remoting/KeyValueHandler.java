package io.sluice.remoting;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import java.util.Map;
import java.util.TreeMap;

/**
 * Codes 100, 101, 102 and 219: the NameServer's table of keys and values by namespace, such as the
 * queues of ordered topics. Kept in memory only; a NameServer that was started anew has none.
 */
final class KeyValueHandler implements RequestHandler {

  /** The namespace whose value for a topic goes into its route. */
  static final String ORDER_NAMESPACE = "ORDER_TOPIC_CONFIG";

  /** Operators set a handful; the bound keeps a mistaken client from filling the memory. */
  private static final int MAX_ENTRIES = 100_000;

  private final Map<String, Map<String, String>> namespaces = new TreeMap<>();
  private int entries;

  /** A value, or null. */
  String find(String namespace, String key) {
    return namespaces.getOrDefault(namespace, Map.of()).get(key);
  }

  /** All of a namespace; empty if there is none. */
  Map<String, String> all(String namespace) {
    return namespaces.getOrDefault(namespace, Map.of());
  }

  @Override
  public void handle(Exchange exchange) {
    ExtFields fields = exchange.fields();
    String namespace = fields.required("namespace");
    switch (exchange.request().code) {
      case RequestCode.PUT_KV_CONFIG -> {
        put(namespace, fields.required("key"), fields.required("value"));
        exchange.ok();
      }
      case RequestCode.GET_KV_CONFIG -> get(exchange, namespace, fields.required("key"));
      case RequestCode.DELETE_KV_CONFIG -> {
        delete(namespace, fields.required("key"));
        exchange.ok();
      }
      default -> list(exchange, namespace);
    }
  }

  private void put(String namespace, String key, String value) {
    if (entries >= MAX_ENTRIES) {
      throw new SluiceException(ErrorCode.BUSY, MAX_ENTRIES + " keys are set; no more are allowed");
    }
    Map<String, String> values = namespaces.computeIfAbsent(namespace, name -> new TreeMap<>());
    if (values.put(key, value) == null) {
      entries++;
    }
  }

  private void get(Exchange exchange, String namespace, String key) {
    String value = find(namespace, key);
    if (value == null) {
      exchange.fail(
          ResponseCode.QUERY_NOT_FOUND, "No config item, Namespace: " + namespace + " Key: " + key);
    } else {
      exchange.ok(new ExtFields(1).put("value", value));
    }
  }

  private void delete(String namespace, String key) {
    Map<String, String> values = namespaces.get(namespace);
    if (values != null && values.remove(key) != null) {
      entries--;
      if (values.isEmpty()) {
        namespaces.remove(namespace);
      }
    }
  }

  private void list(Exchange exchange, String namespace) {
    Map<String, String> values = namespaces.get(namespace);
    if (values == null) {
      exchange.fail(ResponseCode.QUERY_NOT_FOUND, "No config item, Namespace: " + namespace);
    } else {
      exchange.ok(RouteJson.table(values));
    }
  }
}
