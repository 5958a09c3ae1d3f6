package io.sluice.gateway;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import java.util.ArrayList;
import java.util.List;

/**
 * Who calls, and what they may do: the permissions of a token's scope (RFC 6749, 3.3), words with
 * blanks between them. {@code send} is for every topic, {@code send:orders} for one, {@code
 * send:orders-*} for those that begin so. Words that mean nothing here are passed over: a token may
 * be for others too. Immutable.
 */
final class Caller {

  /** Where nobody is asked who they are. */
  static final Caller ANYONE = new Caller(null, Long.MAX_VALUE, "send receive admin");

  private record Grant(Permission permission, String name, boolean isPrefix) {

    boolean covers(String topic) {
      return isPrefix ? topic.startsWith(name) : topic.equals(name);
    }
  }

  private final String subject;
  private final long expiresAtMs;
  private final String scope;
  private final List<Grant> grants = new ArrayList<>();

  /**
   * A caller.
   *
   * @param subject who it is, or null
   * @param expiresAtMs from then on nothing is allowed, in ms since 1970
   * @param scope what it may do, or null for nothing
   */
  Caller(String subject, long expiresAtMs, String scope) {
    this.subject = subject;
    this.expiresAtMs = expiresAtMs;
    this.scope = scope == null ? "" : scope.trim();
    for (String word : this.scope.split(" +")) {
      int colon = word.indexOf(':');
      String name = colon < 0 ? "*" : word.substring(colon + 1);
      for (Permission permission : Permission.values()) {
        if (permission.word().equals(colon < 0 ? word : word.substring(0, colon))) {
          boolean isPrefix = name.endsWith("*");
          grants.add(
              new Grant(
                  permission, isPrefix ? name.substring(0, name.length() - 1) : name, isPrefix));
        }
      }
    }
  }

  /** Whether its time is over. */
  boolean isExpired(long nowMs) {
    return nowMs >= expiresAtMs;
  }

  /**
   * Refuses what is not allowed.
   *
   * @param topic the topic that it is about, or null if it is about none, or about any
   */
  void check(Permission permission, String topic) {
    if (this == ANYONE) {
      return;
    }
    for (Grant grant : grants) {
      boolean included =
          grant.permission == permission
              || (grant.permission == Permission.ADMIN && permission == Permission.MONITOR);
      if (included && (topic == null || grant.covers(topic))) {
        return;
      }
    }
    throw new SluiceException(
        ErrorCode.NO_PERMISSION,
        (subject == null ? "the token" : "the token of " + subject)
            + " does not allow this: its scope is "
            + (scope.isEmpty() ? "empty" : "'" + scope + "'")
            + ", needed is "
            + permission.word()
            + (topic == null ? "" : ":" + topic));
  }
}
