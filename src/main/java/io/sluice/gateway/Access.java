package io.sluice.gateway;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.auth.User;
import io.vertx.ext.auth.authentication.TokenCredentials;
import io.vertx.ext.auth.jwt.JWTAuth;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Tells from a bearer token (RFC 6750) who calls. The token is a JWT (RFC 7519) that somebody
 * signed whose key is known here; who that is and how people get theirs is not our affair. Without
 * a key everyone may do everything. Owned by an event loop.
 */
final class Access {

  private static final String BEARER = "Bearer ";

  /** Tokens whose signature was checked; a client sends the same one again and again. */
  private static final int MAX_KNOWN = 1_024;

  /** A longer one is nobody's token. */
  private static final int MAX_TOKEN_CHARS = 8 << 10;

  private final JWTAuth verifier;
  private final Map<String, Caller> known =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Caller> eldest) {
          return size() > MAX_KNOWN;
        }
      };

  /** Callers by the key of the options; anyone if there is none. */
  Access(Vertx vertx, TokenOptions options) {
    verifier = options == null ? null : JWTAuth.create(vertx, options.forVerifier());
  }

  /** Whether everyone may do everything. */
  boolean isOpen() {
    return verifier == null;
  }

  /** Who sent a request. */
  Caller of(HttpServerRequest request, long nowMs) {
    if (isOpen()) {
      return Caller.ANYONE;
    }
    String header = request.headers().get(HttpHeaders.AUTHORIZATION);
    if (header == null) {
      throw unknown("send a header Authorization: Bearer <token>; it is missing");
    }
    if (!header.regionMatches(true, 0, BEARER, 0, BEARER.length())) {
      throw unknown("Authorization: found another scheme, allowed is Bearer <token>");
    }
    return of(header.substring(BEARER.length()).trim(), nowMs);
  }

  /** Whose token it is. */
  Caller of(String token, long nowMs) {
    if (isOpen()) {
      return Caller.ANYONE;
    }
    Caller caller = known.get(token);
    if (caller == null) {
      caller = verify(token);
      known.put(token, caller);
    }
    if (caller.isExpired(nowMs)) {
      known.remove(token);
      throw unknown("the token expired; get a new one");
    }
    return caller;
  }

  private Caller verify(String token) {
    if (token.length() > MAX_TOKEN_CHARS) {
      throw unknown("the token has more than " + MAX_TOKEN_CHARS + " characters");
    }
    try {
      // All of it is computed at once: the keys are here.
      Future<User> user = verifier.authenticate(new TokenCredentials(token));
      if (!user.succeeded()) {
        throw unknown(
            "the token is not accepted: "
                + (user.cause() == null ? "it cannot be checked" : user.cause().getMessage()));
      }
      JsonObject claims = user.result().attributes().getJsonObject("accessToken");
      Long expires = claims.getLong("exp");
      return new Caller(
          claims.getString("sub"),
          expires == null ? Long.MAX_VALUE : expires * 1_000,
          scope(claims.getValue("scope")));
    } catch (ClassCastException e) {
      throw unknown("of the token's claims, sub is a text and exp is a number of seconds");
    }
  }

  /** A text (RFC 9068, 2.2.3), or a list, as some issuers have it. */
  private static String scope(Object claim) {
    return claim instanceof JsonArray words
        ? words.stream().map(String::valueOf).collect(Collectors.joining(" "))
        : claim == null ? null : claim.toString();
  }

  private static SluiceException unknown(String detail) {
    return new SluiceException(ErrorCode.UNAUTHENTICATED, detail);
  }
}
