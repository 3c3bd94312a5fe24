from hypothesis import settings

settings.register_profile("no time limits", deadline=None)  # a busy machine is no failure
settings.load_profile("no time limits")
