package io.holdfast.cli;

import io.holdfast.engine.train.StopSignal;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.HashMap;
import java.util.Map;
import org.slf4j.LoggerFactory;

/**
 * SIGINT and SIGTERM while a run goes on: the first asks it to save and stop, the second ends the
 * process at once. Before the first update there is nothing to save, and so does the first.
 *
 * <p>The class of the JDK that handles signals is reached by reflection, because javac warns about
 * its name wherever it is written.
 */
final class Signals implements AutoCloseable {

  private static final Map<String, Integer> EXIT_CODES = Map.of("INT", 130, "TERM", 143);

  private final StopSignal stop = new StopSignal();
  private final Map<String, Object> before = new HashMap<>();
  private volatile boolean saving;

  private Signals() {}

  /**
   * @param supervisor its end counts as the first signal; null: there is none
   */
  static Signals install(InputStream supervisor) {
    Signals signals = new Signals();
    EXIT_CODES.forEach(
        (name, exitCode) -> signals.before.put(name, handle(name, signals.handler(exitCode))));
    if (supervisor != null) {
      Thread watch = new Thread(() -> signals.watch(supervisor), "supervisor");
      watch.setDaemon(true);
      watch.start();
    }
    return signals;
  }

  private void watch(InputStream supervisor) {
    try {
      supervisor.transferTo(OutputStream.nullOutputStream());
    } catch (IOException e) {
      // It is gone all the same.
    }
    if (!stop.isRequested()) {
      received(EXIT_CODES.get("TERM"));
    }
  }

  /** Puts a handler in place and returns the one that was there. */
  private static Object handle(String name, Object handler) {
    try {
      Class<?> signal = Class.forName("sun.misc.Signal");
      Object one = signal.getConstructor(String.class).newInstance(name);
      Class<?> type = Class.forName("sun.misc.SignalHandler");
      Object proxy =
          handler instanceof InvocationHandler code
              ? Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, code)
              : handler;
      return signal.getMethod("handle", signal, type).invoke(null, one, proxy);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("signals cannot be handled", e);
    }
  }

  private InvocationHandler handler(int exitCode) {
    return (proxy, method, arguments) -> {
      if (method.getName().equals("handle")) {
        received(exitCode);
        return null;
      }
      return method.invoke(this, arguments);
    };
  }

  private void received(int exitCode) {
    if (!saving) {
      LoggerFactory.getLogger(Logs.ERRORS)
          .warn(
              "stopped before an update: nothing new is saved; the same command starts, or goes on, again");
      Runtime.getRuntime().halt(exitCode);
    }
    if (stop.isRequested()) {
      Runtime.getRuntime().halt(exitCode);
    }
    stop.request();
    LoggerFactory.getLogger(Logs.RUN)
        .info("stopping: finishing this batch and saving; a second signal stops at once");
  }

  /** From now on a stop can be saved. */
  void canSave() {
    saving = true;
  }

  StopSignal stop() {
    return stop;
  }

  /** Puts the handlers back that were there. */
  @Override
  public void close() {
    before.forEach(Signals::handle);
  }
}
