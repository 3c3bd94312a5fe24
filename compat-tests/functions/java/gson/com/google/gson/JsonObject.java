package com.google.gson;

public final class JsonObject extends JsonElement {
    public native boolean has(String name);

    public native JsonElement get(String name);

    public native void addProperty(String name, String value);

    public native void addProperty(String name, Number value);
}
