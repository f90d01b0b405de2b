// Which sanitizers this build has, for the tests that they would disturb.
#pragma once

// GCC and clang say it in different ways. A macro, since operator new can only be left out by the preprocessor.
#if defined(__SANITIZE_ADDRESS__)
#define DATA_BRIDGE_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DATA_BRIDGE_ADDRESS_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define DATA_BRIDGE_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define DATA_BRIDGE_THREAD_SANITIZER 1
#endif
#endif
#ifndef DATA_BRIDGE_ADDRESS_SANITIZER
#define DATA_BRIDGE_ADDRESS_SANITIZER 0
#endif
#ifndef DATA_BRIDGE_THREAD_SANITIZER
#define DATA_BRIDGE_THREAD_SANITIZER 0
#endif

/// Memory is not what the program asks for: shadows, quarantines, operators of their own.
#define DATA_BRIDGE_SANITIZED_MEMORY (DATA_BRIDGE_ADDRESS_SANITIZER || DATA_BRIDGE_THREAD_SANITIZER)
