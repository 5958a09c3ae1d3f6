package io.sluice.testkit;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.HashMap;
import java.util.Map;

/**
 * Stands in for a wide interface of which few methods are used; the others say so when they are
 * called.
 */
final class Stand implements InvocationHandler {

  /** One method; what has the same name but other arguments goes to the same place. */
  @FunctionalInterface
  interface Call {
    Object with(Object[] arguments) throws Exception;
  }

  private final String name;
  private final Map<String, Call> calls = new HashMap<>();

  Stand(String name) {
    this.name = name;
  }

  /** Adds a method. */
  Stand on(String method, Call call) {
    calls.put(method, call);
    return this;
  }

  /** The object. */
  <T> T as(Class<T> type) {
    return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, this));
  }

  @Override
  public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
    Call call = calls.get(method.getName());
    if (call != null) {
      Object result = call.with(arguments == null ? new Object[0] : arguments);
      return result == this ? proxy : result;
    }
    return switch (method.getName()) {
      case "toString" -> name;
      case "hashCode" -> System.identityHashCode(proxy);
      case "equals" -> proxy == arguments[0];
      default -> throw new UnsupportedOperationException(name + " has no " + method);
    };
  }
}
