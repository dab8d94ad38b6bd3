// The emulated device, called by io.holdfast.kernels.cuda.EmulatedDevice. What is in front of this text: emulation.h, the
// sources of the kernels, and KERNELS, a table of them.

#include <jni.h>
#include <sys/mman.h>
#include <unistd.h>

void multiply(float* c, const float* a, bool transposeA, const float* b, bool transposeB, int m, int n, int k, bool add);

// A block ends where a page begins that cannot be touched.
static long pages(long bytes) {
  long page = sysconf(_SC_PAGESIZE);
  return (bytes + page - 1) / page * page;
}

#define METHOD(type, name) extern "C" JNIEXPORT type JNICALL Java_io_holdfast_kernels_cuda_EmulatedDevice_##name

METHOD(jlong, map)(JNIEnv*, jclass, jlong bytes) {
  long page = sysconf(_SC_PAGESIZE);
  void* base = mmap(nullptr, pages(bytes) + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) return 0;
  mprotect((char*)base + pages(bytes), page, PROT_NONE);
  memset(base, emulation::POISON, pages(bytes));
  return (jlong)base + pages(bytes) - bytes;
}

METHOD(void, unmap)(JNIEnv*, jclass, jlong address, jlong bytes) {
  munmap((void*)(address + bytes - pages(bytes)), pages(bytes) + sysconf(_SC_PAGESIZE));
}

METHOD(void, move)(JNIEnv*, jclass, jlong dst, jlong src, jlong bytes) { memmove((void*)dst, (void*)src, bytes); }

METHOD(void, fill)(JNIEnv*, jclass, jlong dst, jlong bytes) { memset((void*)dst, 0, bytes); }

METHOD(jlong, addressOf)(JNIEnv* env, jclass, jobject buffer) { return (jlong)env->GetDirectBufferAddress(buffer); }

METHOD(void, product)(JNIEnv*, jclass, jlong c, jlong a, jboolean transposeA, jlong b, jboolean transposeB, jint m, jint n,
                      jint k, jboolean add) {
  multiply((float*)c, (const float*)a, transposeA, (const float*)b, transposeB, m, n, k, add);
}

METHOD(jstring, run)(JNIEnv* env, jclass, jstring name, jint x, jint y, jint z, jint threads, jint sharedBytes,
                     jstring signature, jlong arguments) {
  const char* wanted = env->GetStringUTFChars(name, nullptr);
  const char* types = env->GetStringUTFChars(signature, nullptr);
  std::string failure = "no such kernel";
  for (const emulation::Kernel& kernel : KERNELS) {
    if (strcmp(kernel.name, wanted) == 0) {
      Dim grid = {(unsigned)x, (unsigned)y, (unsigned)z};
      failure = emulation::launch(kernel, grid, threads, sharedBytes, types, (void**)arguments);
    }
  }
  env->ReleaseStringUTFChars(name, wanted);
  env->ReleaseStringUTFChars(signature, types);
  return failure.empty() ? nullptr : env->NewStringUTF(failure.c_str());
}
