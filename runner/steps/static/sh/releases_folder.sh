# enter the folder of releases, creating it if needed; fails if it is a link to another folder
{
  ground '' "$parent" && { [ -d "./$room" ] || sister "./$room"; } && cd -P "./$room" && place &&
  { [ "$at" = "${root%/}/$room" ] || { echo "$room is a link to another folder"; false; }; }
}
